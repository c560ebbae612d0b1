{{- define "wetread.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* A release's name may have dots, a Service's may not. */}}
{{- define "wetread.fullname" -}}
{{- $release := .Release.Name | replace "." "-" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "wetread.name" .) $release }}
{{- $release | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" $release (include "wetread.name" .) | trunc 40 | trimSuffix "-" }}
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

{{/* Where what works on the state may run: with one pod, on its node, which has the volume; takes
(root, resource class as a map). */}}
{{- define "wetread.besideState" -}}
{{- $root := index . 0 -}}
{{- $where := dict -}}
{{- if eq $root.Values.form "embedded" }}
{{- $host := include "wetread.resourceClass" (list $root $root.Values.embedded.resourceClass) | fromJson }}
{{- $where = dict "tolerations" (concat (default (list) $root.Values.embedded.tolerations) (default (list) $host.tolerations)) }}
{{- end }}
{{- include "wetread.placement" (list (index . 1) $where) }}
{{- if eq $root.Values.form "embedded" }}
affinity:
  podAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      - topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "wetread.selectorLabels" (list $root "embedded") | nindent 12 }}
{{- end }}
{{- end }}

{{/* The volume of the one pod. */}}
{{- define "wetread.embeddedHome" -}}
- name: home
  persistentVolumeClaim:
    claimName: home-{{ include "wetread.fullname" . }}-0
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
{{- if and $v.database.trial.enabled $v.database.existingSecret.name }}
{{- fail "database.trial.enabled is for trial, and database.existingSecret.name names another database: leave one of them out" }}
{{- end }}
{{- if and $v.archive.trial.enabled $v.archive.s3.endpointUrl }}
{{- fail "archive.trial.enabled is for trial, and archive.s3.endpointUrl names another store: leave one of them out" }}
{{- end }}
{{- if and (eq $v.archive.type "s3") (not $v.archive.s3.bucket) }}
{{- fail "archive.type: s3 needs archive.s3.bucket" }}
{{- end }}
{{- if eq $v.archive.type "s3" }}
{{- include "wetread.checkScratch" . }}
{{- end }}
{{- if $v.archive.trial.enabled }}
{{- if not (and (eq $v.archive.type "s3") $v.archive.s3.existingSecret.name) }}
{{- fail "archive.trial needs archive.type: s3 and archive.s3.existingSecret.name" }}
{{- end }}
{{- end }}
{{- if eq $v.worker.autoscaling.type "hpa" }}
{{- include "wetread.checkLoad" . }}
{{- end }}
{{- $outside := or $v.database.existingSecret.name (and (eq $v.archive.type "s3") (not $v.archive.trial.enabled)) }}
{{- if and $v.networkPolicy.enabled $outside (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress is empty: the database and the object store outside would not be reached" }}
{{- end }}
{{- else if or $v.database.existingSecret.name $v.database.trial.enabled $v.archive.trial.enabled $v.archive.s3.bucket $v.archive.volume.existingClaim $v.models.existingClaim }}
{{- fail "form: embedded keeps its own database, archive and models: leave database, archive and models out, or say form: grown" }}
{{- end }}
{{- if and $v.orthanc.enabled (not $v.orthanc.existingSecret.name) }}
{{- fail "orthanc.enabled needs orthanc.existingSecret.name: a Secret with the password of its user wetread" }}
{{- end }}
{{- $peers := or $v.peers.orthanc $v.settings.destinations $v.settings.move_destinations }}
{{- if and $v.networkPolicy.enabled $peers (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress is empty: no result would reach the destinations" }}
{{- end }}
{{- if and $v.networkPolicy.enabled $v.orthanc.enabled $v.orthanc.database.host (not $v.networkPolicy.egress) }}
{{- fail "networkPolicy.egress is empty: Orthanc would not reach orthanc.database.host" }}
{{- end }}
{{- if and $v.networkPolicy.enabled $v.monitoring.serviceMonitor.enabled (not $v.networkPolicy.metricsFrom) }}
{{- fail "networkPolicy.metricsFrom is empty: Prometheus would not come in" }}
{{- end }}
{{- if $v.web.ingress.enabled }}
{{- if not $v.web.ingress.hosts }}
{{- fail "web.ingress.enabled needs web.ingress.hosts" }}
{{- end }}
{{- if and $v.networkPolicy.enabled (not $v.web.allowedFrom) }}
{{- fail "web.allowedFrom is empty: the ingress controller would not come in" }}
{{- end }}
{{- end }}
{{- if not (or $v.receiver.allowedCidrs $v.networkPolicy.enabled (eq $v.receiver.service.type "ClusterIP")) }}
{{- fail "receiver.allowedCidrs is empty, and without networkPolicy.enabled anybody could send: say receiver.service.type: ClusterIP" }}
{{- end }}
{{- if and $v.orthanc.enabled (ne $v.orthanc.service.type "ClusterIP") (not $v.receiver.allowedCidrs) }}
{{- fail "receiver.allowedCidrs is empty: nobody from outside would reach Orthanc; say orthanc.service.type: ClusterIP" }}
{{- end }}
{{- range $v.jobs.training }}
{{- if (include "wetread.resourceClass" (list $ .resourceClass) | fromJson).gpu }}
{{- fail (printf "jobs.training: %s would hold a GPU of %s for nothing: training computes on the CPU" .name .resourceClass) }}
{{- end }}
{{- end }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "wetread.fullname" .)) }}
{{- fail (printf "%q cannot be the name of a Service: say fullnameOverride, which begins with a letter and has small letters, digits and dashes" (include "wetread.fullname" .)) }}
{{- end }}
{{- include "wetread.checkDrain" . }}
{{- end }}

{{/* Does a worker end by itself before it is killed? Before its jobs, associations and requests end. */}}
{{- define "wetread.checkDrain" -}}
{{- $role := eq .Values.form "embedded" | ternary "embedded" "worker" }}
{{- $drain := hasKey .Values.settings "drain_seconds" | ternary .Values.settings.drain_seconds 90 | float64 | ceil | int }}
{{- $needs := add $drain (eq $role "embedded" | ternary 30 10) }}
{{- $has := (get .Values $role).terminationGracePeriodSeconds }}
{{- if lt (int $has) (int $needs) }}
{{- fail (printf "%s.terminationGracePeriodSeconds: %d kills a worker before its jobs are finished or given back; with settings.drain_seconds: %d it takes %d" $role (int $has) $drain $needs) }}
{{- end }}
{{- end }}

{{/* Does what was read last leave room for what arrives? A pod that takes more is evicted. */}}
{{- define "wetread.checkScratch" -}}
{{- $units := dict "k" 0.00095367431640625 "Ki" 0.0009765625 "M" 0.95367431640625 "Mi" 1 "G" 953.67431640625 "Gi" 1024 "T" 953674.31640625 "Ti" 1048576 "P" 953674316.40625 "Pi" 1073741824 }}
{{- $cache := hasKey .Values.settings "archive_cache_mb" | ternary .Values.settings.archive_cache_mb 10240 }}
{{- range $role := list "receiver" "web" "worker" }}
{{- $size := toString (get $.Values $role).scratchSize }}
{{- $unit := regexFind "[A-Za-z]+$" $size }}
{{- $mebibytes := mulf (trimSuffix $unit $size | float64) (get $units $unit | default 0.00000095367431640625) }}
{{- if lt $mebibytes (addf $cache 1024) }}
{{- fail (printf "%s.scratchSize: %s does not hold settings.archive_cache_mb: %d MiB and 1 GiB more, so its pods would be evicted: enlarge the one, or lower the other" $role $size (int $cache)) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Does the load of a busy worker ever bring another one? */}}
{{- define "wetread.checkLoad" -}}
{{- $worker := .Values.worker }}
{{- if eq (int $worker.autoscaling.minReplicas) 0 }}
{{- fail "worker.autoscaling.minReplicas: 0 needs type: keda" }}
{{- end }}
{{- $class := include "wetread.resourceClass" (list . $worker.resourceClass) | fromJson }}
{{- $cpu := toString $class.resources.requests.cpu }}
{{- $requests := hasSuffix "m" $cpu | ternary (trimSuffix "m" $cpu | float64) (mulf 1000 (float64 $cpu)) }}
{{- $threads := mul (default 1 .Values.settings.inference_threads) (default 1 .Values.settings.worker_jobs) }}
{{- $holds := divf (mulf $requests $worker.autoscaling.cpuPercent) 100 }}
{{- if gt $holds (mulf 1000 $threads) }}
{{- fail (printf "worker.autoscaling.type: hpa would never add a worker: a busy one keeps %d processor(s) busy, and %d percent of what %s requests is %.1f. Raise settings.inference_threads or worker_jobs, or take a smaller class" $threads (int $worker.autoscaling.cpuPercent) $worker.resourceClass (divf $holds 1000)) }}
{{- end }}
{{- end }}
