{{/* What the pods of the project's processes have in common: the fields of a pod's spec below the service account. */}}
{{- define "djangotasks-web-app.pod" -}}
{{- $app := .root.Values.app -}}
{{- $env := list (dict "name" "PYTHONUNBUFFERED" "value" "1") -}}
{{- with $app.settingsModule -}}
{{- $env = append $env (dict "name" "DJANGO_SETTINGS_MODULE" "value" .) -}}
{{- end -}}
{{- /* Each name once: the API server refuses to apply a second one. */ -}}
{{- $set := list -}}
{{- range $app.env }}{{ $set = append $set .name }}{{ end -}}
{{- $tmp := true -}}
{{- range $app.volumeMounts }}{{ if eq (trimSuffix "/" (toString .mountPath)) "/tmp" }}{{ $tmp = false }}{{ end }}{{ end -}}
{{- with $app.imagePullSecrets -}}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{ end -}}
securityContext: {{- toYaml $app.podSecurityContext | nindent 2 }}
{{- with $app.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
containers:
- name: {{ .name }}
  image: {{ required "app.image: the web app's image is needed where relay, watcher or schedules are enabled." $app.image | quote }}
  {{- with $app.imagePullPolicy }}
  imagePullPolicy: {{ . }}
  {{- end }}
  command: {{- concat $app.command .command | toYaml | nindent 2 }}
  {{- with .values.args }}
  args: {{- toYaml . | nindent 2 }}
  {{- end }}
  env:
  # What it says is seen as it is said (PYTHONUNBUFFERED).
  {{- range $env }}{{ if not (has .name $set) }}
  - {name: {{ .name }}, value: {{ .value | quote }}}
  {{- end }}{{ end }}
  {{- with $app.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $app.envFrom }}
  envFrom: {{- toYaml . | nindent 2 }}
  {{- end }}
  securityContext: {{- toYaml $app.securityContext | nindent 4 }}
  resources: {{- toYaml .values.resources | nindent 4 }}
  volumeMounts:
  {{- if $tmp }}
  # The credentials of the API client pass through short-lived files.
  - {name: djangotasks-tmp, mountPath: /tmp}
  {{- end }}
  {{- with $app.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
{{- if $tmp }}
- name: djangotasks-tmp
  emptyDir: {}
{{- end }}
{{- with $app.volumes }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- with $app.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $app.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with $app.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
