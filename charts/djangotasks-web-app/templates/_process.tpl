{{/* A Deployment that runs a management command of the project for ever. It has no probe: the command ends itself when
it hangs, and then starts anew. */}}
{{- define "djangotasks-web-app.process" -}}
{{- if .values.enabled }}
{{- $app := .root.Values.app }}
{{- $account := $app.serviceAccount | default (first .root.Values.serviceAccounts) }}
{{- if not (has $account .root.Values.serviceAccounts) }}
{{- fail (printf "app.serviceAccount: %s is none of serviceAccounts, so that it may not send tasks." $account) }}
{{- end }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "djangotasks-web-app.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .name }}
spec:
  replicas: {{ .values.replicas }}
  selector:
    matchLabels: {{- include "djangotasks-web-app.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .name }}
  template:
    metadata:
      labels:
        {{- with $app.podLabels }}{{ toYaml . | nindent 8 }}{{ end }}
        {{- include "djangotasks-web-app.labels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .name }}
      {{- with $app.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ $account }}
      # Its token is what tasks are sent with, whatever the account's default for pods.
      automountServiceAccountToken: true
      {{- with $app.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext: {{- toYaml $app.podSecurityContext | nindent 8 }}
      {{- with $app.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      containers:
      - name: {{ .name }}
        image: {{ required "app.image: the web app's image is needed where relay or watcher is enabled." $app.image | quote }}
        {{- with $app.imagePullPolicy }}
        imagePullPolicy: {{ . }}
        {{- end }}
        command: {{- append $app.command .command | toYaml | nindent 8 }}
        {{- with .values.args }}
        args: {{- toYaml . | nindent 8 }}
        {{- end }}
        env:
        # What it says is seen as it is said.
        - {name: PYTHONUNBUFFERED, value: "1"}
        {{- with $app.settingsModule }}
        - {name: DJANGO_SETTINGS_MODULE, value: {{ . | quote }}}
        {{- end }}
        {{- with $app.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $app.envFrom }}
        envFrom: {{- toYaml . | nindent 8 }}
        {{- end }}
        securityContext: {{- toYaml $app.securityContext | nindent 10 }}
        resources: {{- toYaml .values.resources | nindent 10 }}
        volumeMounts:
        # The credentials of the API client pass through short-lived files.
        - {name: tmp, mountPath: /tmp}
        {{- with $app.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumes:
      - name: tmp
        emptyDir: {}
      {{- with $app.volumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      {{- with $app.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $app.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $app.affinity }}
      affinity: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
