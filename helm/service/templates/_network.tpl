{{/* Services for those who call: one address, and one that names every pod, by which gRPC's callers spread their calls. */}}
{{- define "service.service" -}}
{{- $ports := pick .v.ports "grpc" "http" }}
{{- range $headless := list false true }}
{{- if or (not $headless) $.v.ports.grpc }}
---
apiVersion: v1
kind: Service
{{ include "service.metadata" (dict "context" $ "name" (ternary (printf "%s-headless" $.v.name) $.v.name $headless) "wave" "1" "labels" (dict "guildhall.example/endpoint" (ternary "headless" "cluster" $headless))) }}
spec:
  type: ClusterIP
  {{- if $headless }}
  clusterIP: None
  {{- end }}
  selector:
    app.kubernetes.io/name: {{ $.v.name }}
    {{- if not $.v.workloads }}
    app.kubernetes.io/component: serve
    {{- end }}
  ports:
    {{- range $name, $port := $ports }}
    {{- if $port }}
    - name: {{ $name }}
      port: {{ $port }}
      targetPort: {{ $name }}
      appProtocol: {{ ternary "kubernetes.io/h2c" "http" (eq $name "grpc") }}
    {{- end }}
    {{- end }}
    - name: admin
      port: {{ $.v.ports.admin }}
      targetPort: admin
      appProtocol: http
{{- end }}
{{- end }}
{{- end }}

{{/* Nothing is allowed but what is said here: the first policy takes everything from every pod of the namespace. */}}
{{- define "service.networkpolicy" -}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{{ include "service.metadata" (dict "context" . "name" "default-deny" "wave" "-1") }}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{{ include "service.metadata" (dict "context" . "name" .v.name "wave" "-1") }}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ .v.name }}
    matchExpressions:
      - key: app.kubernetes.io/component
        operator: NotIn
        values: [migrate]
  policyTypes: [Ingress, Egress]
  ingress:
    {{- $ports := compact (list .v.ports.grpc .v.ports.http) }}
    {{- if $ports }}
    {{- range .v.network.callers }}
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ . }}
          podSelector:
            matchLabels:
              app.kubernetes.io/name: {{ . }}
      ports:
        {{- include "service.policyPorts" $ports | trim | nindent 8 }}
    {{- end }}
    {{- if ne .v.route.kind "none" }}
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .v.network.gatewayNamespace }}
      ports:
        {{- include "service.policyPorts" $ports | trim | nindent 8 }}
    {{- end }}
    {{- end }}
    - from:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: {{ .v.network.monitoringNamespace }}
      ports:
        {{- include "service.policyPorts" (list .v.ports.admin) | trim | nindent 8 }}
  egress:
    {{- include "service.egress" (dict "context" . "names" (keys .v.network.egress)) | nindent 4 }}
{{- if .v.migrate.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{{ include "service.metadata" (dict "context" . "name" (printf "%s-migrate" .v.name) "wave" "-1") }}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ .v.name }}
      app.kubernetes.io/component: migrate
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "service.egress" (dict "context" . "names" .v.migrate.egress) | nindent 4 }}
{{- end }}
{{- end }}

{{- define "service.policyPorts" -}}
{{- range . }}
- port: {{ . }}
  protocol: TCP
{{- end }}
{{- end }}

{{/* Names are always looked up; the rest by name. */}}
{{- define "service.egress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: kube-system
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- range $name := sortAlpha .names }}
{{- $target := index $.context.v.network.egress $name | required (printf "network.egress has no %q" $name) }}
# {{ $name }}
- to:
    {{- if $target.service }}
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ $target.service }}
      podSelector:
        matchLabels:
          app.kubernetes.io/name: {{ $target.service }}
    {{- else if $target.namespace }}
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ $target.namespace }}
      {{- with $target.labels }}
      podSelector:
        matchLabels:
          {{- toYaml . | nindent 10 }}
      {{- end }}
    {{- else }}
    {{- range $target.cidrs }}
    - ipBlock:
        cidr: {{ . }}
        {{- with $target.except }}
        except:
          {{- toYaml . | nindent 10 }}
        {{- end }}
    {{- end }}
    {{- end }}
  ports:
    {{- include "service.policyPorts" $target.ports | trim | nindent 4 }}
{{- end }}
{{- end }}
