{{/* The way in from outside, by the Gateway API; the classic Ingress is for clusters that have nothing else. */}}
{{- define "service.route" -}}
{{- $route := .v.route }}
{{- $port := .v.ports.http | default .v.ports.grpc }}
{{- if eq $route.kind "ingress" }}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "1" "annotations" $route.annotations) }}
spec:
  ingressClassName: {{ $route.ingressClass }}
  tls:
    - hosts:
        {{- toYaml $route.hosts | nindent 8 }}
      secretName: {{ .v.name }}-tls
  rules:
    {{- range $host := $route.hosts }}
    - host: {{ $host | quote }}
      http:
        paths:
          {{- range $route.paths }}
          - path: {{ . }}
            pathType: Prefix
            backend:
              service:
                name: {{ $.v.name }}
                port:
                  number: {{ $port }}
          {{- end }}
    {{- end }}
{{- else if ne $route.kind "none" }}
---
apiVersion: gateway.networking.k8s.io/v1
kind: {{ ternary "GRPCRoute" "HTTPRoute" (eq $route.kind "grpc") }}
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "1" "annotations" $route.annotations) }}
spec:
  parentRefs:
    {{- range $route.gateways }}
    - group: gateway.networking.k8s.io
      kind: Gateway
      name: {{ .name }}
      namespace: {{ .namespace }}
      {{- with .section }}
      sectionName: {{ . }}
      {{- end }}
    {{- end }}
  hostnames:
    {{- range $route.hosts }}
    - {{ . | quote }}
    {{- end }}
  rules:
    - backendRefs:
        - group: ""
          kind: Service
          name: {{ .v.name }}
          port: {{ $port }}
          weight: 1
      {{- if eq $route.kind "http" }}
      matches:
        {{- range $route.paths }}
        - path:
            type: PathPrefix
            value: {{ . }}
        {{- end }}
      {{- with $route.timeout }}
      timeouts:
        request: {{ . }}
      {{- end }}
      {{- end }}
{{- end }}
{{- end }}

{{/* Istio, where a cluster has it: every call of the namespace is authenticated by certificates of both sides, and one that
was refused before anybody looked at it is tried again. Calls that may have been looked at are their caller's to repeat. */}}
{{- define "service.mesh" -}}
{{- if .v.mesh.enabled }}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "-1") }}
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: {{ .v.name }}
  mtls:
    mode: STRICT
  # Nodes and Prometheus have no certificate.
  portLevelMtls:
    {{ .v.ports.admin | quote }}:
      mode: PERMISSIVE
{{- with .v.ports.grpc }}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
{{ include "service.metadata" (dict "context" $ "name" $.v.name "wave" "1") }}
spec:
  hosts:
    - {{ $.v.name }}.{{ $.root.Release.Namespace }}.svc.cluster.local
  http:
    - route:
        - destination:
            host: {{ $.v.name }}.{{ $.root.Release.Namespace }}.svc.cluster.local
            port:
              number: {{ . }}
      retries:
        attempts: {{ $.v.mesh.retries }}
        retryOn: connect-failure,refused-stream
{{- end }}
{{- end }}
{{- end }}
