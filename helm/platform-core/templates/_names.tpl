{{/* metadata: name, namespace, wave, labels and annotations besides. */}}
{{- define "core.metadata" -}}
metadata:
  name: {{ .name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    app.kubernetes.io/part-of: guildhall
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    argocd.argoproj.io/sync-wave: {{ .wave | quote }}
    {{- with .annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Of kinds that a component brings: before it is there, a dry run would fail. */}}
{{- define "core.later" -}}
argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true
{{- end }}
