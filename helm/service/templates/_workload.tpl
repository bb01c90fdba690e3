{{/* What runs. Its number is left out where something scales it, since every sync would set it back. */}}
{{- define "service.deployment" -}}
{{- $own := dict }}
{{- with .workload }}{{ $own = (index $.root.Values.service.workloads .).settings | default (dict) }}{{ end }}
{{- $context := merge (dict "own" $own) . }}
{{- $canary := .v.rollout.canary }}
---
{{- if $canary.enabled }}
apiVersion: argoproj.io/v1alpha1
kind: Rollout
{{- else }}
apiVersion: apps/v1
kind: Deployment
{{- end }}
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "1") }}
spec:
  {{- if eq .v.scaling.kind "fixed" }}
  replicas: {{ .v.scaling.replicas }}
  {{- end }}
  revisionHistoryLimit: {{ .v.rollout.revisionHistoryLimit }}
  minReadySeconds: {{ .v.rollout.minReadySeconds }}
  progressDeadlineSeconds: {{ .v.rollout.progressDeadlineSeconds }}
  selector:
    matchLabels:
      {{- include "service.selector" . | nindent 6 }}
  strategy:
    {{- if $canary.enabled }}
    canary:
      maxSurge: {{ .v.rollout.maxSurge }}
      maxUnavailable: 0
      steps:
        {{- range $canary.weights }}
        - setWeight: {{ . }}
        - pause:
            duration: {{ $canary.pauseSeconds }}s
        {{- if ne $canary.maxErrorPercent nil }}
        - analysis:
            templates:
              - templateName: {{ $.fullname }}
        {{- end }}
        {{- end }}
    {{- else }}
    type: RollingUpdate
    rollingUpdate:
      maxSurge: {{ .v.rollout.maxSurge }}
      maxUnavailable: 0
    {{- end }}
  template:
    {{- include "service.podTemplate" $context | trim | nindent 4 }}
{{- if and $canary.enabled (ne $canary.maxErrorPercent nil) }}
---
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "-1") }}
spec:
  metrics:
    - name: errors
      interval: 60s
      count: 3
      failureLimit: 0
      # No requests at all are no failure.
      successCondition: len(result) == 0 || isNaN(result[0]) || result[0] <= {{ $canary.maxErrorPercent }}
      provider:
        prometheus:
          address: {{ .v.scaling.prometheus }}
          query: {{ include "service.errorPercent" . | quote }}
{{- end }}
{{- end }}

{{- define "service.disruption" -}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "service.metadata" (dict "context" . "name" .fullname "wave" "1") }}
spec:
  maxUnavailable: {{ .v.disruption.maxUnavailable }}
  # A pod that is not ready serves nobody, and must not keep a node from being emptied.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "service.selector" . | nindent 6 }}
{{- end }}

{{/* The migration, once per sync, when settings and secrets are there (a hook before the sync would wait for them for
ever) and before a pod of the new version is. */}}
{{- define "service.migrate" -}}
{{- if .v.migrate.enabled }}
{{- $secrets := dict "context" . "for" "migrate" }}
{{- $annotations := dict "argocd.argoproj.io/hook" "Sync" "argocd.argoproj.io/hook-delete-policy" "BeforeHookCreation" }}
---
apiVersion: batch/v1
kind: Job
{{ include "service.metadata" (dict "context" . "name" (printf "%s-migrate" .v.name) "wave" "0" "annotations" $annotations) }}
spec:
  backoffLimit: {{ .v.migrate.backoffLimit }}
  activeDeadlineSeconds: {{ .v.migrate.deadlineSeconds }}
  template:
    metadata:
      labels:
        {{- include "service.labels" . | nindent 8 }}
        app.kubernetes.io/component: migrate
    spec:
      restartPolicy: Never
      serviceAccountName: {{ .v.name }}
      {{- include "service.podSecurity" . | nindent 6 }}
      containers:
        - name: migrate
          image: {{ include "service.image" . }}
          imagePullPolicy: {{ .v.image.pullPolicy }}
          args: [migrate]
          envFrom:
            - configMapRef:
                name: {{ .v.name }}
          env:
            {{- include "service.secretEnv" $secrets | trim | nindent 12 }}
          resources:
            {{- toYaml .v.resources | nindent 12 }}
          {{- include "service.containerSecurity" . | nindent 10 }}
          {{- with include "service.secretMount" $secrets | trim }}
          volumeMounts:
            {{- . | nindent 12 }}
          {{- end }}
      {{- with include "service.secretVolume" $secrets | trim }}
      volumes:
        {{- . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}

{{/* What proves at its time that nothing was altered, by a command of the service's own that fails where something was. It has
the secrets that it names and no others: what signs has no place where signatures are proven. */}}
{{- define "service.proof" -}}
{{- range $name, $proof := .v.proofs }}
---
apiVersion: batch/v1
kind: CronJob
{{ include "service.metadata" (dict "context" $ "name" (printf "%s-%s" $.v.name $name) "wave" "1") }}
spec:
  schedule: {{ $proof.schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 1
      activeDeadlineSeconds: {{ $proof.deadlineSeconds }}
      template:
        metadata:
          labels:
            {{- include "service.labels" $ | nindent 12 }}
            app.kubernetes.io/component: proof
        spec:
          restartPolicy: Never
          serviceAccountName: {{ $.v.name }}
          {{- include "service.podSecurity" $ | nindent 10 }}
          containers:
            - name: proof
              image: {{ include "service.image" $ }}
              imagePullPolicy: {{ $.v.image.pullPolicy }}
              args:
                {{- toYaml $proof.args | nindent 16 }}
              envFrom:
                - configMapRef:
                    name: {{ $.v.name }}
              env:
                {{- range $variable := $proof.secrets }}
                {{- if not (hasKey (include "service.secretsFor" (dict "context" $ "for" "serve") | fromYaml) $variable) }}
                {{- fail (printf "proofs.%s: secrets has no %q" $name $variable) }}
                {{- end }}
                - name: {{ $variable }}
                  valueFrom:
                    secretKeyRef:
                      name: {{ include "service.secretName" (dict "context" $ "for" "serve") }}
                      key: {{ $variable }}
                {{- end }}
              resources:
                {{- toYaml $.v.resources | nindent 16 }}
              {{- include "service.containerSecurity" $ | nindent 14 }}
{{- end }}
{{- end }}
