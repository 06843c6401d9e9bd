{{- define "djangotasks-web-app.selector" -}}
app.kubernetes.io/name: djangotasks-web-app
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "djangotasks-web-app.labels" -}}
{{ include "djangotasks-web-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The web app's service accounts, as JSON. */}}
{{- define "djangotasks-web-app.accounts" -}}
{{- if not .Values.serviceAccounts }}
{{- fail "\n\nserviceAccounts: name the service account of your web app's pods, such as\n  --set 'serviceAccounts={web}'\nIt is the Deployment's spec.template.spec.serviceAccountName. Where there is none, the pods run as `default`, as every other pod of the namespace does that names none: give them an account of their own.\n" }}
{{- end }}
{{- toJson .Values.serviceAccounts }}
{{- end }}
