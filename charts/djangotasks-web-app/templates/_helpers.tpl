{{/* What the names of all objects begin with. A chart may have this one twice, under aliases: an object of the second
must not take the place of one of the first. */}}
{{- define "djangotasks-web-app.name" -}}
{{- if eq .Chart.Name "djangotasks-web-app" }}{{ .Release.Name }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | lower | replace "_" "-" | trunc 53 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* A release may be called 2024: so its name is quoted, as that of its namespace is everywhere. */}}
{{- define "djangotasks-web-app.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* A label has no plus, which a chart's version may have: Flux, for one, adds the chart's digest, as +digest. */}}
{{- define "djangotasks-web-app.labels" -}}
{{ include "djangotasks-web-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{/* The labels of the pods of .root's .component: the project's own as well, each once, since tools that read what Helm
has rendered, such as Flux, refuse a second one. */}}
{{- define "djangotasks-web-app.podLabels" -}}
{{- $component := dict "app.kubernetes.io/component" .component }}
{{- merge $component (include "djangotasks-web-app.labels" .root | fromYaml) (.root.Values.app.podLabels | default dict) | toYaml }}
{{- end }}

{{/* Annotations of a pod: the project's, and that nothing of /tmp is missed by an autoscaler that removes the node. */}}
{{- define "djangotasks-web-app.podAnnotations" -}}
{{- $evict := dict "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes" "djangotasks-tmp" }}
{{- merge (dict) (.Values.app.podAnnotations | default dict) $evict | toYaml }}
{{- end }}

{{/* The web app's service accounts, as JSON. */}}
{{- define "djangotasks-web-app.accounts" -}}
{{- if not .Values.serviceAccounts }}
{{- fail "\n\nserviceAccounts: name the service account of your web app's pods, such as\n  --set 'serviceAccounts={web}'\nIt is the Deployment's spec.template.spec.serviceAccountName. Where there is none, the pods run as `default`, as every other pod of the namespace does that names none: give them an account of their own.\n" }}
{{- end }}
{{- toJson .Values.serviceAccounts }}
{{- end }}
