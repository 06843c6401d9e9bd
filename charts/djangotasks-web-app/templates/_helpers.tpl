{{- define "djangotasks-web-app.selector" -}}
app.kubernetes.io/name: djangotasks-web-app
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "djangotasks-web-app.labels" -}}
{{ include "djangotasks-web-app.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
