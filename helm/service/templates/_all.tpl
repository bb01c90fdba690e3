{{/*
Everything of a service, in the order of its waves: −1 what others need to be there, 0 the migration, 1 what runs.
A chart beside this one has one template with this one line in it: include "service.all" .
*/}}
{{- define "service.all" -}}
{{- $v := .Values.service }}
{{- $base := dict "root" . "v" $v "fullname" $v.name "workload" "" }}
{{- $parts := list "serviceaccount" "configmap" "externalsecret" "networkpolicy" "migrate" "service" "route" "servicemonitor" "prometheusrule" "proof" "mesh" }}
{{- range $part := $parts }}
{{ include (printf "service.%s" $part) $base }}
{{- end }}
{{- range $name, $own := $v.workloads | default (dict "" (dict)) }}
{{- $merged := mergeOverwrite (deepCopy $v) (deepCopy ($own | default (dict))) }}
{{- $fullname := ternary $v.name (printf "%s-%s" $v.name $name) (eq $name "") }}
{{- $context := dict "root" $ "v" $merged "fullname" $fullname "workload" $name }}
{{- range $part := list "deployment" "scaling" "disruption" }}
{{ include (printf "service.%s" $part) $context }}
{{- end }}
{{- end }}
{{- end }}
