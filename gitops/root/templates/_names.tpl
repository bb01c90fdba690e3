{{- define "root.source" -}}
repoURL: {{ .Values.repository }}
targetRevision: {{ .Values.revision }}
{{- end }}

{{/* Windows of production; a rollback by hand is possible at any time. */}}
{{- define "root.windows" -}}
{{- with .Values.windows }}
syncWindows:
  {{- range . }}
  - kind: allow
    schedule: {{ .schedule | quote }}
    duration: {{ .duration }}
    timeZone: {{ .timeZone }}
    applications: ["*"]
    manualSync: true
  {{- end }}
{{- end }}
{{- end }}
