{{/* Who it is in the cluster. It never talks to the API server, so that no token is mounted. */}}
{{- define "service.serviceaccount" -}}
---
apiVersion: v1
kind: ServiceAccount
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "-1" "annotations" .v.serviceAccount.annotations) }}
automountServiceAccountToken: false
{{- end }}

{{/* Settings that are the same for every workload. */}}
{{- define "service.settings" -}}
{{- $prefix := include "service.prefix" . }}
{{- $settings := dict (printf "%sADMIN__ADDR" $prefix) (printf "0.0.0.0:%v" .v.ports.admin) }}
{{- with .v.ports.grpc }}{{ $_ := set $settings (printf "%sGRPC__ADDR" $prefix) (printf "0.0.0.0:%v" .) }}{{ end }}
{{- with .v.ports.http }}{{ $_ := set $settings (printf "%sHTTP__ADDR" $prefix) (printf "0.0.0.0:%v" .) }}{{ end }}
{{- toYaml (merge $settings .root.Values.service.settings) }}
{{- end }}

{{- define "service.configmap" -}}
---
apiVersion: v1
kind: ConfigMap
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "-1") }}
data:
  {{- include "service.settings" . | nindent 2 }}
{{- end }}

{{/* The secrets of a store as secrets of the namespace: one for what serves, one for the migration, so that neither has
the other's logins. */}}
{{- define "service.externalsecret" -}}
{{- $context := . }}
{{- range $for := list "serve" "migrate" }}
{{- $secrets := include "service.secretsFor" (dict "context" $context "for" $for) | fromYaml }}
{{- if $secrets }}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
{{ include "service.metadata" (dict "context" $context "name" (include "service.secretName" (dict "context" $context "for" $for)) "wave" "-1") }}
spec:
  refreshInterval: {{ $context.v.externalSecrets.refreshInterval }}
  secretStoreRef:
    name: {{ $context.v.externalSecrets.store }}
    kind: {{ $context.v.externalSecrets.storeKind }}
  target:
    name: {{ include "service.secretName" (dict "context" $context "for" $for) }}
    creationPolicy: Owner
    deletionPolicy: Retain
  data:
    {{- range $variable, $secret := $secrets }}
    - secretKey: {{ $variable }}
      remoteRef:
        key: {{ $secret.key | default (include "service.remoteKey" (dict "context" $context "variable" $variable)) }}
        property: {{ $secret.property | default "value" }}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* DOCUMENT__DB__SYSTEM_URL is <prefix>/document/db-system-url, as Terraform names it. */}}
{{- define "service.remoteKey" -}}
{{- $short := trimPrefix (include "service.prefix" .context) .variable | lower | replace "__" "-" | replace "_" "-" }}
{{- .context.v.externalSecrets.prefix }}/{{ .context.v.name }}/{{ $short }}
{{- end }}
