{{- define "service.servicemonitor" -}}
{{- if .v.monitoring.enabled }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "1" "labels" .v.monitoring.labels) }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .v.name }}
      # The headless one names the same pods.
      guildhall.example/endpoint: cluster
  endpoints:
    - port: admin
      path: /metrics
      interval: {{ .v.monitoring.interval }}
{{- end }}
{{- end }}

{{/* Its own series: the namespace is the service's. */}}
{{- define "service.series" -}}
namespace="{{ .root.Release.Namespace }}"
{{- end }}

{{/* Calls that somebody waits for: not those of probes, which would make a quiet service look better than it is. */}}
{{- define "service.calls" -}}
{{ include "service.series" . }},{{ ternary `http_route!~"/health|/ready"` `rpc_service!~"grpc[.].*"` (not (not .v.ports.http)) }}
{{- end }}

{{/* HTTP codes and gRPC statuses that are the service's fault, not its caller's. */}}
{{- define "service.faults" -}}
{{ ternary `http_response_status_code=~"5.."` `rpc_grpc_status=~"UNKNOWN|DEADLINE_EXCEEDED|INTERNAL|UNAVAILABLE|DATA_LOSS"` (not (not .v.ports.http)) }}
{{- end }}

{{- define "service.errorPercent" -}}
{{- $calls := include "service.calls" . }}
{{- $count := ternary "http_server_request_duration_seconds_count" "rpc_server_duration_seconds_count" (not (not .v.ports.http)) -}}
100 * sum(rate({{ $count }}{ {{- $calls }},{{ include "service.faults" . }}}[5m])) / sum(rate({{ $count }}{ {{- $calls }}}[5m]))
{{- end }}

{{- define "service.requestsPerSecond" -}}
sum(rate({{ ternary "http_server_request_duration_seconds_count" "rpc_server_duration_seconds_count" (not (not .v.ports.http)) }}{ {{- include "service.series" . }}}[2m]))
{{- end }}
