{{/* A Deployment that runs a management command of the project for ever. It has no probe: the command ends itself when
it hangs, and is restarted. */}}
{{- define "djangotasks-web-app.process" -}}
{{- if .values.enabled }}
{{- $app := .root.Values.app }}
{{- $accounts := include "djangotasks-web-app.accounts" .root | fromJsonArray }}
{{- $account := $app.serviceAccount | default (first $accounts) }}
{{- if not (has $account $accounts) }}
{{- fail (printf "app.serviceAccount: %s is none of serviceAccounts, so that it may not send tasks." $account) }}
{{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "djangotasks-web-app.name" .root }}-{{ .name }}
  namespace: {{ .root.Release.Namespace | quote }}
  labels: {{- include "djangotasks-web-app.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  replicas: {{ .values.replicas }}
  selector:
    matchLabels: {{- include "djangotasks-web-app.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  template:
    metadata:
      labels: {{- include "djangotasks-web-app.podLabels" (dict "root" .root "component" .name) | nindent 8 }}
      annotations: {{- include "djangotasks-web-app.podAnnotations" .root | nindent 8 }}
    spec:
      serviceAccountName: {{ $account | quote }}
      # Its token is what tasks are sent with, whatever the account's default for pods.
      automountServiceAccountToken: true
      {{- include "djangotasks-web-app.pod" . | nindent 6 }}
{{- end }}
{{- end }}
