{{/* The environment that every container of the service gets. */}}
{{- define "wetread.stateEnv" -}}
{{- include "wetread.databaseEnv" . }}
{{- if eq .Values.form "grown" }}
- name: WETREAD_MIGRATE_ON_START
  value: {{ include "wetread.migratesBefore" . | empty | quote }}
{{- with .Values.archive }}
{{- if eq .type "volume" }}
- name: WETREAD_ARCHIVE
  value: /var/lib/wetread-archive
{{- else }}
- name: WETREAD_ARCHIVE
  value: {{ list "s3:/" .s3.bucket .s3.prefix | compact | join "/" }}
{{- if or .trial.enabled .s3.endpointUrl }}
- name: WETREAD_S3_ENDPOINT_URL
  value: {{ ternary (include "wetread.seaweedfsUrl" $) .s3.endpointUrl .trial.enabled }}
{{- end }}
- name: WETREAD_S3_REGION
  value: {{ .s3.region }}
{{- with .s3.existingSecret }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .accessKeyId }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name }}
      key: {{ .secretAccessKey }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.caBundle.configMap }}
{{- range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" }}
- name: {{ . }}
  value: /etc/wetread-ca/{{ $.Values.caBundle.key }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where the state is: that of the one pod, or the database. */}}
{{- define "wetread.databaseEnv" -}}
- name: WETREAD_HOME
  value: /var/lib/wetread
{{- if eq .Values.form "grown" }}
{{- with .Values.database }}
{{- if .trial.enabled }}
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .trial.existingSecret.name }}
      key: {{ .trial.existingSecret.key }}
- name: WETREAD_DATABASE_URL
  value: postgresql://wetread:$(DATABASE_PASSWORD)@{{ include "wetread.postgresqlHost" $ }}/wetread
{{- else }}
- name: WETREAD_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret.name }}
      key: {{ .existingSecret.key }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Passwords of peers come from Secrets; the kubelet puts them where $(…) stands. */}}
{{- define "wetread.env" -}}
{{- include "wetread.stateEnv" . }}
- name: WETREAD_CONFIG
  value: /etc/wetread/wetread.toml
- name: WETREAD_HTTP_HOST
  value: 0.0.0.0
- name: WETREAD_HTTP_PORT
  value: "8080"
- name: WETREAD_DIMSE_PORT
  value: "11112"
{{- $peers := list }}
{{- range $i, $peer := .Values.peers.orthanc }}
{{- $said := omit $peer "existingSecret" }}
{{- with $peer.existingSecret }}
{{- range list "username" "password" }}
- name: PEER_{{ $i }}_{{ upper . }}
  valueFrom:
    secretKeyRef:
      name: {{ $peer.existingSecret }}
      key: {{ . }}
{{- $said = set $said . (printf "$(PEER_%d_%s)" $i (upper .)) }}
{{- end }}
{{- end }}
{{- $peers = append $peers $said }}
{{- end }}
{{- with .Values.orthanc }}
{{- if .enabled }}
- name: ORTHANC_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret.name }}
      key: {{ .existingSecret.key }}
{{- $peers = append $peers (dict "name" "orthanc" "url" (include "wetread.orthancUrl" $) "username" "wetread" "password" "$(ORTHANC_PASSWORD)") }}
{{- end }}
{{- end }}
{{- with $peers }}
- name: WETREAD_ORTHANC
  value: {{ toJson . | quote }}
{{- end }}
{{- end }}

{{/* With a GPU that the driver does not show, nothing is read, rather than slowly on the CPU; takes
(root, resource class as a map). */}}
{{- define "wetread.deviceEnv" -}}
{{- if and (index . 1).gpu (not (index . 0).Values.settings.device) }}
- name: WETREAD_DEVICE
  value: cuda
{{- end }}
{{- end }}

{{/* Takes (root, component). */}}
{{- define "wetread.mounts" -}}
{{- $root := index . 0 -}}
- name: home
  mountPath: /var/lib/wetread
- name: tmp
  mountPath: /tmp
{{- if ne (index . 1) "migration" }}
- name: config
  mountPath: /etc/wetread
  readOnly: true
{{- end }}
{{- if eq $root.Values.form "grown" }}
{{- if eq $root.Values.archive.type "volume" }}
- name: archive
  mountPath: /var/lib/wetread-archive
{{- end }}
{{- if $root.Values.models.existingClaim }}
- name: models
  mountPath: /var/lib/wetread/models
  readOnly: true
{{- end }}
{{- end }}
{{- if $root.Values.caBundle.configMap }}
- name: ca
  mountPath: /etc/wetread-ca
  readOnly: true
{{- end }}
{{- end }}

{{/* Takes (root, component, size of the scratch volume; empty where `home` is a claim). */}}
{{- define "wetread.volumes" -}}
{{- $root := index . 0 -}}
{{- with index . 2 }}
- name: home
  emptyDir:
    sizeLimit: {{ . }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 2Gi
{{- if ne (index . 1) "migration" }}
- name: config
  configMap:
    name: {{ include "wetread.fullname" $root }}
{{- end }}
{{- if eq $root.Values.form "grown" }}
{{- if eq $root.Values.archive.type "volume" }}
- name: archive
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-archive" (include "wetread.fullname" $root)) $root.Values.archive.volume.existingClaim }}
{{- end }}
{{- with $root.Values.models.existingClaim }}
- name: models
  persistentVolumeClaim:
    claimName: {{ . }}
    readOnly: true
{{- end }}
{{- end }}
{{- with $root.Values.caBundle }}
{{- if .configMap }}
- name: ca
  configMap:
    name: {{ .configMap }}
{{- end }}
{{- end }}
{{- end }}

{{/* Alive: the process answers. Ready: its services run, and it reaches database and archive. */}}
{{- define "wetread.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 3
  # A pod that brings the database up answers when that is done.
  failureThreshold: {{ include "wetread.migratesBefore" . | empty | ternary (max 100 (div .Values.migration.activeDeadlineSeconds 3)) 100 }}
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
{{- end }}

{{/* The pod of a role: metadata and spec; takes (root, component, values, roles, scratch). */}}
{{- define "wetread.pod" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index . 2 -}}
{{- $roles := index . 3 -}}
{{- $class := include "wetread.resourceClass" (list $root $values.resourceClass) | fromJson -}}
metadata:
  labels:
    {{- include "wetread.labels" (list $root $component) | nindent 4 }}
    wetread/metrics: "true"
    {{- with $values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include (print $root.Template.BasePath "/configmap.yaml") $root | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "wetread.serviceAccountName" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- include "wetread.pullSecrets" $root | nindent 2 }}
  securityContext:
    {{- include "wetread.podSecurityContext" 10001 | nindent 4 }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- include "wetread.placement" (list $class $values) | nindent 2 }}
  {{- if ne $component "embedded" }}
  {{- include "wetread.spread" (list $root $component) | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ $component }}
      image: {{ include "wetread.image" (list $root $class) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - serve
        {{- range $roles }}
        - --role
        - {{ . }}
        {{- end }}
      env:
        {{- include "wetread.env" $root | nindent 8 }}
        {{- if has "worker" $roles | or (not $roles) }}
        {{- include "wetread.deviceEnv" (list $root $class) | nindent 8 }}
        {{- end }}
      ports:
        {{- if has "receiver" $roles | or (not $roles) }}
        - {name: dimse, containerPort: 11112, protocol: TCP}
        {{- end }}
        - {name: http, containerPort: 8080, protocol: TCP}
      {{- include "wetread.probes" $root | nindent 6 }}
      # So long no new association or request is sent here any more, but some are on their way.
      lifecycle:
        preStop:
          exec:
            command: [sleep, "5"]
      resources:
        {{- toYaml $class.resources | nindent 8 }}
      securityContext:
        {{- include "wetread.securityContext" $root | nindent 8 }}
      volumeMounts:
        {{- include "wetread.mounts" (list $root $component) | nindent 8 }}
  volumes:
    {{- include "wetread.volumes" (list $root $component (index . 4)) | nindent 4 }}
{{- end }}
