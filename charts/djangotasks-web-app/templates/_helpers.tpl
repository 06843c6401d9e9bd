{{- define "djangotasks-web-app.labels" -}}
app.kubernetes.io/name: djangotasks-web-app
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
