{{- define "djangotasks.name" -}}
{{- if contains "djangotasks" .Release.Name }}{{ .Release.Name | trunc 54 | trimSuffix "-" }}{{ else }}{{ printf "%s-djangotasks" .Release.Name | trunc 54 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "djangotasks.selector" -}}
app.kubernetes.io/name: djangotasks
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "djangotasks.labels" -}}
{{ include "djangotasks.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "djangotasks.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The Secret with the key. */}}
{{- define "djangotasks.key" -}}
{{ .Values.key.existingSecret | default (printf "%s-key" (include "djangotasks.name" .)) }}
{{- end }}

{{/* The restricted Pod Security Standard. */}}
{{- define "djangotasks.podSecurity" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "djangotasks.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What the operator may do in a namespace whose tasks it runs, each right with its reason. */}}
{{- define "djangotasks.rules" -}}
# Follow tasks, and delete those whose time to be kept is over.
- apiGroups: [djangotasks.dev]
  resources: [djangotasks]
  verbs: [get, list, watch, delete]
# Write what became of them.
- apiGroups: [djangotasks.dev]
  resources: [djangotasks/status]
  verbs: [patch]
# Read how a queue's tasks run.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskqueues]
  verbs: [list, watch]
# Write how many tasks of a queue wait and run, and whether they can be started.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskqueues/status]
  verbs: [patch]
# One Job an attempt; it is collected with its task, never deleted by the operator.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, get, list, watch]
# The operator is these Jobs' controller (managedBy).
- apiGroups: [batch]
  resources: [jobs/status]
  verbs: [patch]
# One Pod an attempt; stopped on a deadline or when the task is cancelled.
- apiGroups: [""]
  resources: [pods]
  verbs: [create, get, list, watch, delete]
# Keep the end of a failed attempt's log with its task (a queue's keepLog).
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Say on a task why it does not start, is retried or failed (kubectl describe), and count what repeats.
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
# Queues may follow a Deployment's pod template.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get]
{{- end }}
