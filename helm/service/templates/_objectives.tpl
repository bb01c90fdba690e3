{{/* What callers may rely on, and how fast what may go wrong in 30 days is used up: over a long window, so that it is
worth somebody's sleep, and over a short one, so that it ends when it is over. */}}
{{- define "service.objectives" -}}
{{- $a := .v.alerts }}
{{- $http := has "http" $a.watch }}
{{- if or $http (has "grpc" $a.watch) }}
{{- $v := .v }}
{{- $series := include "service.calls" . }}
{{- $duration := ternary "http_server_request_duration_seconds" "rpc_server_duration_seconds" $http }}
{{- $all := printf "%s_count{%s}" $duration $series }}
{{- $failed := printf "%s_count{%s,%s}" $duration $series (include "service.faults" .) }}
{{- /* Prometheus 3 writes whole bounds as 1.0, what is scraped says 1. */}}
{{- $in := printf "%s_bucket{%s,le=~\"%v([.]0)?\"}" $duration $series $a.objectives.latencySeconds }}
{{- $slo := dict
  "ErrorBudgetBurn" (dict "record" "service:calls_failed:ratio" "percent" $a.objectives.availabilityPercent
    "says" (printf "%s fails" $v.name))
  "LatencyBudgetBurn" (dict "record" "service:calls_slow:ratio" "percent" $a.objectives.latencyPercent
    "says" (printf "%s takes longer than %v s" $v.name $a.objectives.latencySeconds)) }}
- name: {{ .v.name }}-objectives
  rules:
    {{- range $window := list "5m" "30m" "1h" "2h" "6h" "1d" "3d" }}
    - record: service:calls_failed:ratio
      expr: {{ printf "sum(rate(%s[%s])) / sum(rate(%s[%s]))" $failed $window $all $window | quote }}
      labels:
        service: {{ $v.name }}
        window: {{ $window }}
    - record: service:calls_slow:ratio
      expr: {{ printf "1 - sum(rate(%s[%s])) / sum(rate(%s[%s]))" $in $window $all $window | quote }}
      labels:
        service: {{ $v.name }}
        window: {{ $window }}
    {{- end }}
    {{- range $name, $of := $slo }}
    {{- range $pair := list
      (dict "factor" 14.4 "long" "1h" "short" "5m" "for" "2m" "severity" "critical")
      (dict "factor" 6 "long" "6h" "short" "30m" "for" "5m" "severity" "critical")
      (dict "factor" 3 "long" "1d" "short" "2h" "for" "15m" "severity" "warning")
      (dict "factor" 1 "long" "3d" "short" "6h" "for" "30m" "severity" "warning") }}
    {{- $above := printf "%s{service=\"%s\",window=\"%%s\"} > %v * (100 - %v) / 100" $of.record $v.name $pair.factor $of.percent }}
    {{- include "service.alert" (dict "context" $ "name" $name "for" $pair.for "severity" $pair.severity "runbook" "objectives.md"
      "labels" (dict "window" $pair.long)
      "expr" (printf "%s and ignoring (window) %s" (printf $above $pair.long) (printf $above $pair.short))
      "says" (printf "%s too often: over %s the budget of 30 days went at %v times the pace that lasts." $of.says $pair.long $pair.factor)) | nindent 4 }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}
