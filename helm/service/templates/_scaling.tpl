{{- define "service.scaling" -}}
{{- if eq .v.scaling.kind "hpa" }}
{{ include "service.hpa" . }}
{{- else if eq .v.scaling.kind "keda" }}
{{ include "service.keda" . }}
{{- end }}
{{- end }}

{{- define "service.behavior" -}}
{{- $up := .v.scaling.behavior.up }}
{{- $down := .v.scaling.behavior.down }}
scaleUp:
  stabilizationWindowSeconds: {{ $up.stabilizationSeconds }}
  policies:
    - type: Percent
      value: {{ $up.percent }}
      periodSeconds: {{ $up.periodSeconds }}
scaleDown:
  stabilizationWindowSeconds: {{ $down.stabilizationSeconds }}
  policies:
    - type: Percent
      value: {{ $down.percent }}
      periodSeconds: {{ $down.periodSeconds }}
{{- end }}

{{- define "service.hpa" -}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "1") }}
spec:
  scaleTargetRef:
    {{- include "service.scaled" . | nindent 4 }}
  minReplicas: {{ .v.scaling.min }}
  maxReplicas: {{ .v.scaling.max }}
  metrics:
    {{- range $resource, $percent := dict "cpu" .v.scaling.cpuPercent "memory" .v.scaling.memoryPercent }}
    - type: Resource
      resource:
        name: {{ $resource }}
        target:
          type: Utilization
          averageUtilization: {{ $percent }}
    {{- end }}
  behavior:
    {{- include "service.behavior" . | trim | nindent 4 }}
{{- end }}

{{- define "service.keda" -}}
{{- $s := .v.scaling }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "1") }}
spec:
  scaleTargetRef:
    {{- include "service.scaled" . | nindent 4 }}
  minReplicaCount: {{ $s.min }}
  maxReplicaCount: {{ $s.max }}
  {{- if or $s.requestsPerSecond $s.triggers }}
  # Where what is asked does not answer: as many as there are.
  fallback:
    failureThreshold: 3
    replicas: {{ $s.min }}
    behavior: currentReplicasIfHigher
  {{- end }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- include "service.behavior" . | trim | nindent 8 }}
  triggers:
    {{- range $resource, $percent := dict "cpu" $s.cpuPercent "memory" $s.memoryPercent }}
    - type: {{ $resource }}
      metricType: Utilization
      metadata:
        value: {{ $percent | quote }}
    {{- end }}
    {{- with $s.requestsPerSecond }}
    - type: prometheus
      metricType: AverageValue
      metadata:
        serverAddress: {{ $s.prometheus }}
        query: {{ include "service.requestsPerSecond" $ | quote }}
        threshold: {{ . | quote }}
    {{- end }}
    {{- range $trigger := $s.triggers }}
    {{- if eq $trigger.kind "sqs" }}
    - type: aws-sqs-queue
      authenticationRef:
        name: {{ $.fullname }}
      metadata:
        queueURL: {{ $s.queues.base }}{{ $trigger.queue }}
        queueLength: {{ $trigger.waiting | quote }}
        awsRegion: {{ $s.queues.region }}
    {{- else }}
    {{- $kafka := include "service.kafkaTrigger" (dict "context" $ "trigger" $trigger) | fromYaml }}
    # Of the two that KEDA has, the one that knows IAM.
    - type: apache-kafka
      {{- if hasKey $kafka "sasl" }}
      authenticationRef:
        name: {{ $.fullname }}
      {{- end }}
      metadata:
        {{- toYaml $kafka | nindent 8 }}
    {{- end }}
    {{- end }}
{{- if $s.triggers }}
---
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "-1") }}
spec:
  # KEDA's own role, which may look and nothing else.
  podIdentity:
    provider: aws
{{- end }}
{{- end }}

{{/* Where the service itself reads, KEDA looks how much is left. */}}
{{- define "service.kafkaTrigger" -}}
{{- $prefix := include "service.prefix" .context }}
{{- $settings := .context.v.settings }}
{{- $topics := index $settings (printf "%sKAFKA__TOPIC_PREFIX" $prefix) | default "" }}
bootstrapServers: {{ index $settings (printf "%sKAFKA__BROKERS" $prefix) }}
consumerGroup: {{ $topics }}{{ .trigger.group }}
topic: {{ $topics }}{{ .trigger.topic }}
lagThreshold: {{ .trigger.waiting | quote }}
{{- if eq (index $settings (printf "%sKAFKA__SECURITY" $prefix) | default "") "msk_iam" }}
sasl: aws_msk_iam
tls: enable
awsRegion: {{ index $settings (printf "%sKAFKA__REGION" $prefix) }}
{{- end }}
{{- end }}
