{{/* What every object says of itself. Not the version: only what runs changes with it. */}}
{{- define "service.labels" -}}
app.kubernetes.io/name: {{ .v.name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: guildhall
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* By what its pods are found; never changes. */}}
{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .v.name }}
app.kubernetes.io/component: {{ .workload | default "serve" }}
{{- end }}

{{/* metadata of an object: context, name, wave, and annotations besides. */}}
{{- define "service.metadata" -}}
metadata:
  name: {{ .name }}
  namespace: {{ .context.root.Release.Namespace }}
  labels:
    {{- include "service.labels" .context | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    argocd.argoproj.io/sync-wave: {{ .wave | quote }}
    {{- with .annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "service.image" -}}
{{ .v.image.repository }}:{{ .v.image.tag }}@{{ .v.image.digest }}
{{- end }}

{{/* Prefix of a service's settings. */}}
{{- define "service.prefix" -}}
{{ .v.name | upper }}__
{{- end }}

{{/* What runs: a Deployment, or a Rollout that takes its place. */}}
{{- define "service.scaled" -}}
{{- if .v.rollout.canary.enabled -}}
apiVersion: argoproj.io/v1alpha1
kind: Rollout
{{- else -}}
apiVersion: apps/v1
kind: Deployment
{{- end }}
name: {{ .fullname }}
{{- end }}

{{/* Secrets for serve or migrate, as a map; `for` is serve where nobody says otherwise. */}}
{{- define "service.secretsFor" -}}
{{- $for := .for }}
{{- $found := dict }}
{{- range $variable, $secret := .context.v.secrets }}
{{- if has ($secret.for | default "serve") (list $for "both") }}
{{- $_ := set $found $variable $secret }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{/* Name of the secret that holds them. */}}
{{- define "service.secretName" -}}
{{ .context.v.name }}-{{ .for }}
{{- end }}
