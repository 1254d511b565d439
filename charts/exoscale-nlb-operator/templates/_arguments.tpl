{{/* What the manager is told, as a list. Empty values stay its defaults. */}}

{{/* Which cloud, with whose key: also for the programs that only look. */}}
{{- define "exoscale-nlb-operator.cloudArguments" -}}
- --zone={{ .Values.zone }}
- --exoscale-credentials-file=/etc/exoscale-credentials
{{- with .Values.apiEndpoint }}
- --exoscale-api-endpoint={{ . }}
{{- end }}
{{- if .Values.apiInsecure }}
- --exoscale-api-insecure
{{- end }}
- --exoscale-max-answer={{ .Values.maxAnswer }}
{{- end -}}

{{- define "exoscale-nlb-operator.arguments" -}}
{{ include "exoscale-nlb-operator.cloudArguments" . }}
- --exoscale-rate-limit={{ .Values.rateLimit }}
- --sync-period={{ .Values.syncPeriod }}
{{- with .Values.clusterID }}
- --cluster-id={{ . }}
{{- end }}
{{- if .Values.claimClasslessServices }}
- --claim-classless-services
{{- end }}
{{- with .Values.defaultInstancePool }}
- {{ printf "--default-instance-pool=%s" . | quote }}
{{- end }}
{{- with .Values.allowedPools }}
- {{ printf "--allowed-pools=%s" (join "," .) | quote }}
{{- end }}
- {{ printf "--allowed-target-ports=%s" (join "," .Values.allowedTargetPorts) | quote }}
- --udp-default-healthcheck={{ .Values.udpDefaultHealthcheck }}
- {{ printf "--external-nlb-namespaces=%s" (join "," .Values.externalNLBNamespaces) | quote }}
{{- with .Values.watchNamespaces }}
- --watch-namespaces={{ join "," . }}
{{- end }}
- --max-concurrent-reconciles={{ .Values.maxConcurrentReconciles }}
{{- with .Values.nodes.pools }}
- {{ printf "--node-pools=%s" (join "," .) | quote }}
{{- end }}
{{- if .Values.nodes.requireRestrictedLabels }}
- --require-restricted-node-labels
{{- end }}
{{- if .Values.nodes.initialization }}
- --node-initialization
{{- end }}
{{- if .Values.nodes.csrApproval }}
- --node-csr-approval
{{- with .Values.nodes.cidrs }}
- {{ printf "--node-cidrs=%s" (join "," .) | quote }}
{{- end }}
{{- end }}
{{- if .Values.nodes.deletion }}
- --node-deletion
- --node-deletion-max-share={{ .Values.nodes.deletionMaxShare }}
{{- end }}
{{- if .Values.udpSidecar.enabled }}
- --udp-sidecar-image={{ include "exoscale-nlb-operator.sidecarImage" . }}
- --webhook-bind-address=:{{ .Values.udpSidecar.webhookPort }}
- --webhook-name={{ include "exoscale-nlb-operator.webhook" . }}
- --webhook-namespace={{ .Release.Namespace }}
{{- if .Values.udpSidecar.certManager.enabled }}
- --webhook-cert-dir=/etc/webhook-certificate
{{- end }}
{{- if .Values.udpSidecar.clientCA.configMap }}
- --webhook-client-ca-file=/etc/webhook-clients/ca.crt
{{- with .Values.udpSidecar.clientCA.names }}
- {{ printf "--webhook-client-names=%s" (join "," .) | quote }}
{{- end }}
{{- end }}
{{- end }}
- --leader-elect
- --leader-election-namespace={{ .Release.Namespace }}
{{- if ne .Values.uninstall.policy "ignore" }}
- --uninstall-guard={{ include "exoscale-nlb-operator.guard" . }}
{{- end }}
- --metrics-bind-address={{ ternary ":8443" "0" .Values.metrics.enabled }}
{{- if not .Values.metrics.secure }}
- --metrics-secure=false
{{- end }}
- --health-probe-bind-address=:8081
- --log-format={{ .Values.log.format }}
- --log-level={{ .Values.log.level }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end -}}
