{{- define "wetread.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "wetread.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "wetread.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wetread.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels of an object; takes (root, component). */}}
{{- define "wetread.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: wetread
{{ include "wetread.selectorLabels" . }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "wetread.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "wetread.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "wetread.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wetread.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* A resource class by its name, as JSON; takes (root, name). */}}
{{- define "wetread.resourceClass" -}}
{{- $root := index . 0 -}}
{{- $class := get $root.Values.resourceClasses (index . 1) -}}
{{- if not $class }}
{{- fail (printf "there is no resource class %q; there are %s" (index . 1) (keys $root.Values.resourceClasses | sortAlpha | join ", ")) }}
{{- end }}
{{- toJson $class }}
{{- end }}

{{/* The service's image; takes (root, resource class as a map). */}}
{{- define "wetread.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- $tag := default (index . 0).Chart.AppVersion $image.tag -}}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else if (index . 1).gpu }}
{{- printf "%s:%s" $image.repository (default (printf "%s-cuda" $tag) $image.cudaTag) }}
{{- else }}
{{- printf "%s:%s" $image.repository $tag }}
{{- end }}
{{- end }}

{{/* PodSecurity "restricted"; takes the uid that an image wants. */}}
{{- define "wetread.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "wetread.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a pod may run; takes (resource class as a map, the role's values). */}}
{{- define "wetread.placement" -}}
{{- $class := index . 0 -}}
{{- $role := index . 1 -}}
{{- with mergeOverwrite (dict) (default (dict) $class.nodeSelector) (default (dict) $role.nodeSelector) }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat (default (list) $class.tolerations) (default (list) $role.tolerations) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $class.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $role.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* Different nodes and zones, where there are; takes (root, component). */}}
{{- define "wetread.spread" -}}
{{- if (index . 0).Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "wetread.selectorLabels" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "wetread.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{/* A claim's specification; takes (size, class, access mode). */}}
{{- define "wetread.claim" -}}
accessModes: [{{ index . 2 }}]
{{- with index . 1 }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ index . 0 }}
{{- end }}

{{/* Services and jobs that only this chart names. */}}
{{- define "wetread.postgresqlHost" -}}
{{- include "wetread.fullname" . }}-postgresql
{{- end }}
{{- define "wetread.seaweedfsUrl" -}}
http://{{ include "wetread.fullname" . }}-seaweedfs:8333
{{- end }}
{{- define "wetread.orthancUrl" -}}
http://{{ include "wetread.fullname" . }}-orthanc:8042
{{- end }}
{{- define "wetread.receiverHost" -}}
{{- include "wetread.fullname" . }}-receiver
{{- end }}
{{- define "wetread.webUrl" -}}
http://{{ include "wetread.fullname" . }}-web:8080
{{- end }}

{{/* Is the schema brought up by a Job before the pods start? A database inside is not there yet. */}}
{{- define "wetread.migratesBefore" -}}
{{- if and (eq .Values.form "grown") .Values.migration.enabled (not .Values.database.trial.enabled) -}}
true
{{- end }}
{{- end }}

{{/* What would not run is refused before it is installed. */}}
{{- define "wetread.check" -}}
{{- $v := .Values }}
{{- if eq $v.form "grown" }}
{{- if not (or $v.database.existingSecret.name $v.database.trial.enabled) }}
{{- fail "form: grown needs database.existingSecret.name, or database.trial.enabled to try it out" }}
{{- end }}
{{- if and $v.database.trial.enabled (not $v.database.trial.existingSecret.name) }}
{{- fail "database.trial needs existingSecret.name: a Secret with a password" }}
{{- end }}
{{- if and (eq $v.archive.type "s3") (not $v.archive.s3.bucket) }}
{{- fail "archive.type: s3 needs archive.s3.bucket" }}
{{- end }}
{{- if $v.archive.trial.enabled }}
{{- if not (and (eq $v.archive.type "s3") $v.archive.s3.existingSecret.name) }}
{{- fail "archive.trial needs archive.type: s3 and archive.s3.existingSecret.name" }}
{{- end }}
{{- end }}
{{- if and (eq (int $v.worker.autoscaling.minReplicas) 0) (eq $v.worker.autoscaling.type "hpa") }}
{{- fail "worker.autoscaling.minReplicas: 0 needs type: keda" }}
{{- end }}
{{- $outside := or $v.database.existingSecret.name (and (eq $v.archive.type "s3") (not $v.archive.trial.enabled)) }}
{{- if and $v.networkPolicy.enabled $outside (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress is empty: the database and the object store outside would not be reached" }}
{{- end }}
{{- else if or $v.database.existingSecret.name $v.database.trial.enabled $v.archive.trial.enabled }}
{{- fail "form: embedded keeps its own database and archive: leave database and archive out, or say form: grown" }}
{{- end }}
{{- if and $v.orthanc.enabled (not $v.orthanc.existingSecret.name) }}
{{- fail "orthanc.enabled needs orthanc.existingSecret.name: a Secret with the password of its user wetread" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (or $v.peers.orthanc $v.settings.destinations) (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress is empty: no result would reach the destinations" }}
{{- end }}
{{- end }}
