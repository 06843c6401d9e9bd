{{- define "djangotasks.name" -}}
{{- include "djangotasks.nameOf" .Release.Name }}
{{- end }}

{{/* What the objects of the release of this name are called. */}}
{{- define "djangotasks.nameOf" -}}
{{- if contains "djangotasks" . }}{{ . | trunc 54 | trimSuffix "-" }}{{ else }}{{ printf "%s-djangotasks" . | trunc 54 | trimSuffix "-" }}{{ end }}
{{- end }}

{{/* A release may be called 2024: so its name is quoted, as that of its namespace is everywhere. */}}
{{- define "djangotasks.selector" -}}
app.kubernetes.io/name: djangotasks
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "djangotasks.labels" -}}
{{ include "djangotasks.selector" . }}
app.kubernetes.io/version: {{ include "djangotasks.versionLabel" .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "djangotasks.versionLabel" (printf "%s-%s" .Chart.Name .Chart.Version) }}
{{- end }}

{{/* A version as a label, which has no plus: Flux, for one, adds the digest of a chart to its version, as +digest. */}}
{{- define "djangotasks.versionLabel" -}}
{{ . | replace "+" "_" | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{/* The labels of .root, and those of .more that it does not set itself: each once, since tools that read what Helm has
rendered, such as Flux, refuse a second one. */}}
{{- define "djangotasks.labelsAnd" -}}
{{ merge (include "djangotasks.labels" .root | fromYaml) (.more | default dict) | toYaml }}
{{- end }}

{{- define "djangotasks.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What a cluster-wide object is called: a release of the same name may be in another namespace. */}}
{{- define "djangotasks.clusterName" -}}
{{ include "djangotasks.name" . }}-{{ .Release.Namespace }}
{{- end }}

{{/* The namespaces to work in, as JSON; an empty list for all. None is never taken for all: a list that lost its last
entry would give the operator the cluster. */}}
{{- define "djangotasks.namespaces" -}}
{{- if and .Values.watchNamespaces .Values.watchAllNamespaces }}
{{- fail "\n\nSet only one of watchNamespaces and watchAllNamespaces." }}
{{- else if not (or .Values.watchNamespaces .Values.watchAllNamespaces) }}
{{- fail "\n\nWhich namespaces' tasks is this operator to run?\n  --set 'watchNamespaces={shop,bank}'   these, which must exist: it gets a Role in each\n  --set watchAllNamespaces=true         all: it may then create pods in any namespace, which amounts to the whole cluster (SECURITY.md)\n" }}
{{- end }}
{{- toJson .Values.watchNamespaces }}
{{- end }}

{{/* Namespaces as the selector of a policy. */}}
{{- define "djangotasks.namespaceSelector" -}}
{{- with include "djangotasks.namespaces" . | fromJsonArray -}}
namespaceSelector:
  matchExpressions:
  - {key: kubernetes.io/metadata.name, operator: In, values: {{ toJson . }}}
{{- else -}}
namespaceSelector: {}
{{- end }}
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
  resources: [djangotasks, djangotaskworkflows]
  verbs: [get, list, watch, delete]
# Enqueue and cancel tasks: for the pods of tasks (a queue's taskAccess), for workflows and for schedules. Workflows: for
# the pods of tasks and for schedules.
- apiGroups: [djangotasks.dev]
  resources: [djangotasks, djangotaskworkflows]
  verbs: [create, patch]
# Write what became of them.
- apiGroups: [djangotasks.dev]
  resources: [djangotasks/status, djangotaskworkflows/status]
  verbs: [patch]
# Read how a queue's tasks run.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskqueues]
  verbs: [list, watch]
# Write how many tasks of a queue wait and run, and whether they can be started.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskqueues/status]
  verbs: [patch]
# Follow who holds which queue, and delete a hold whose time is over.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskholds]
  verbs: [get, list, watch, delete]
# Read when a schedule creates a task, and what its task is.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskschedules]
  verbs: [get, list, watch]
# Write which task of a schedule was created last, and when the next one is due.
- apiGroups: [djangotasks.dev]
  resources: [djangotaskschedules/status]
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
# Give a standby pod to the attempt that claims it: owner, labels, annotations (a queue's standby). Who creates pods gains
# nothing by it: the API server lets nobody change what a pod runs.
- apiGroups: [""]
  resources: [pods]
  verbs: [patch]
# Keep the end of a failed attempt's log with its task (a queue's keepLog).
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
# Say on a task why it does not start, is retried or failed (kubectl describe), and count what repeats. Read why a Pod
# does not start that its own status does not say: a missing Secret, a volume on another node, the network.
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch, list]
# Queues may follow a Deployment's pod template.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get]
# During a rollout tasks run the newest revision that has a ready pod.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list]
{{- end }}

{{/* Fails when the CustomResourceDefinition belongs to another release that is still there: helm itself would say
"invalid ownership metadata", and no way out. Rendered without a cluster, there is nothing to find. */}}
{{- define "djangotasks.ensureNoOtherOwner" -}}
{{- $found := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" .crd }}
{{- $of := dig "metadata" "annotations" dict $found }}
{{- $name := index $of "meta.helm.sh/release-name" | default "" }}
{{- $namespace := index $of "meta.helm.sh/release-namespace" | default "" }}
{{- $other := or (ne $name .root.Release.Name) (ne $namespace .root.Release.Namespace) }}
{{- if and $name $other (lookup "apps/v1" "Deployment" $namespace (include "djangotasks.nameOf" $name)) }}
{{- fail (printf "\n\nThe CustomResourceDefinitions are installed already, by the release %s in the namespace %s. One release a cluster has them. Install this one with:\n  --set crds.enabled=false\n" $name $namespace) }}
{{- end }}
{{- end }}

{{/* Fails when another release that is still there has the operator's Role in the .namespace: two operators would
overwrite what each other writes, and each would delete the other's standby pods. */}}
{{- define "djangotasks.ensureNoOtherOperator" -}}
{{- range $role := (lookup "rbac.authorization.k8s.io/v1" "Role" .namespace "").items }}
{{- $of := $role.metadata.annotations | default dict }}
{{- $name := index $of "meta.helm.sh/release-name" | default "" }}
{{- $namespace := index $of "meta.helm.sh/release-namespace" | default "" }}
{{- $other := or (ne $name $.root.Release.Name) (ne $namespace $.root.Release.Namespace) }}
{{- $isOperators := false }}
{{- range $role.rules }}{{ if has "djangotasks/status" (.resources | default list) }}{{ $isOperators = true }}{{ end }}{{ end }}
{{- if and $name $other $isOperators (lookup "apps/v1" "Deployment" $namespace $role.metadata.name) }}
{{- fail (printf "\n\nThe namespace %s is watched already, by the release %s in the namespace %s. Two operators must not share one: take it out of the watchNamespaces of one of the two releases.\n" $.namespace $name $namespace) }}
{{- end }}
{{- end }}
{{- end }}
