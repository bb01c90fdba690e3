{{/* What Kubernetes calls restricted, and read-only besides: a container owns nothing but /tmp. */}}
{{- define "service.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .v.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .v.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .v.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .v.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "service.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Variables from secrets: values, or paths of files that hold them. */}}
{{- define "service.secretEnv" -}}
{{- $arguments := . }}
{{- range $variable, $secret := include "service.secretsFor" . | fromYaml }}
- name: {{ $variable }}
  {{- if $secret.file }}
  value: /etc/guildhall/secrets/{{ $variable }}
  {{- else }}
  valueFrom:
    secretKeyRef:
      name: {{ include "service.secretName" $arguments }}
      key: {{ $variable }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Those that are files, as a volume and as where it is mounted. */}}
{{- define "service.secretVolume" -}}
{{- $items := list }}
{{- range $variable, $secret := include "service.secretsFor" . | fromYaml }}
{{- if $secret.file }}
{{- $items = append $items (dict "key" $variable "path" $variable) }}
{{- end }}
{{- end }}
{{- if $items }}
- name: secrets
  secret:
    secretName: {{ include "service.secretName" . }}
    items:
      {{- toYaml $items | nindent 6 }}
{{- end }}
{{- end }}

{{- define "service.secretMount" -}}
{{- if include "service.secretVolume" . | trim }}
- name: secrets
  mountPath: /etc/guildhall/secrets
  readOnly: true
{{- end }}
{{- end }}

{{/* Pods go when their settings change, not when secrets do: those are read again at the next rollout. */}}
{{- define "service.podTemplate" -}}
{{- $secrets := dict "context" . "for" "serve" }}
metadata:
  labels:
    {{- include "service.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ .workload | default "serve" }}
    app.kubernetes.io/version: {{ .v.image.tag | quote }}
    {{- if .v.mesh.enabled }}
    sidecar.istio.io/inject: "true"
    {{- end }}
    {{- with .v.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "service.settings" . | sha256sum }}
    {{- with .v.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ .v.name }}
  {{- include "service.podSecurity" . | nindent 2 }}
  terminationGracePeriodSeconds: {{ .v.termination.graceSeconds }}
  topologySpreadConstraints:
    {{- /* A zone's loss is what is planned for; nodes come and go, and a full one must not hold pods back. */}}
    {{- range $key, $otherwise := dict "topology.kubernetes.io/zone" .v.spread.whenUnsatisfiable "kubernetes.io/hostname" "ScheduleAnyway" }}
    - topologyKey: {{ $key }}
      maxSkew: {{ $.v.spread.maxSkew }}
      whenUnsatisfiable: {{ $otherwise }}
      labelSelector:
        matchLabels:
          {{- include "service.selector" $ | nindent 10 }}
      matchLabelKeys: [{{ ternary "rollouts-pod-template-hash" "pod-template-hash" $.v.rollout.canary.enabled }}]
    {{- end }}
  containers:
    - name: {{ .v.name }}
      image: {{ include "service.image" . }}
      imagePullPolicy: {{ .v.image.pullPolicy }}
      args: [serve]
      ports:
        {{- range $name := list "grpc" "http" "admin" }}
        {{- with index $.v.ports $name }}
        - name: {{ $name }}
          containerPort: {{ . }}
        {{- end }}
        {{- end }}
      envFrom:
        - configMapRef:
            name: {{ .v.name }}
      env:
        {{- /* A consumer that comes back under its name has its partitions at once. */}}
        - name: {{ include "service.prefix" . }}KAFKA__INSTANCE_ID
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- include "service.secretEnv" $secrets | trim | nindent 8 }}
        {{- range $name, $value := .own }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- include "service.probes" . | trim | nindent 6 }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .v.termination.preStopSeconds }}
      resources:
        {{- toYaml .v.resources | nindent 8 }}
      {{- include "service.containerSecurity" . | nindent 6 }}
      volumeMounts:
        - name: tmp
          mountPath: /tmp
        {{- with include "service.secretMount" $secrets | trim }}
        {{- . | nindent 8 }}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ .v.tmp.sizeLimit }}
    {{- with include "service.secretVolume" $secrets | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Started and alive ask the process alone, so that no dependency ever restarts a pod; ready asks dependencies too, which
only the admin port can answer. */}}
{{- define "service.probes" -}}
{{- $alive := dict "httpGet" (dict "path" "/health" "port" "admin") }}
{{- with .v.ports.grpc }}{{ $alive = dict "grpc" (dict "port" .) }}{{ end }}
startupProbe:
  {{- toYaml $alive | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: {{ .v.probes.timeoutSeconds }}
  failureThreshold: {{ .v.probes.startupThreshold }}
livenessProbe:
  {{- toYaml $alive | nindent 2 }}
  periodSeconds: {{ .v.probes.periodSeconds }}
  timeoutSeconds: {{ .v.probes.timeoutSeconds }}
  failureThreshold: {{ .v.probes.failureThreshold }}
readinessProbe:
  httpGet:
    path: /ready
    port: admin
  periodSeconds: {{ .v.probes.periodSeconds }}
  timeoutSeconds: {{ .v.probes.timeoutSeconds }}
  failureThreshold: {{ .v.probes.failureThreshold }}
{{- end }}
