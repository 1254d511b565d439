{{/* What things are called. */}}

{{- define "exoscale-nlb-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Names get suffixes of up to 16 characters. */}}
{{- define "exoscale-nlb-operator.fullname" -}}
{{- $name := include "exoscale-nlb-operator.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 47 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 47 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 47 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "exoscale-nlb-operator.selector" -}}
app.kubernetes.io/name: {{ include "exoscale-nlb-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "exoscale-nlb-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "exoscale-nlb-operator.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "exoscale-nlb-operator.serviceAccount" -}}
{{- default (include "exoscale-nlb-operator.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{/* The Secret with the API key: somebody's, or the chart's. */}}
{{- define "exoscale-nlb-operator.credentials" -}}
{{- default (printf "%s-credentials" (include "exoscale-nlb-operator.fullname" .)) .Values.credentials.existingSecret -}}
{{- end -}}

{{/* The webhook's Service, Secret and configuration, and what of cert-manager makes its certificate. */}}
{{- define "exoscale-nlb-operator.webhook" -}}
{{- printf "%s-webhook" (include "exoscale-nlb-operator.fullname" .) -}}
{{- end -}}

{{- define "exoscale-nlb-operator.sidecarImage" -}}
{{- default (include "exoscale-nlb-operator.image" .) .Values.udpSidecar.image -}}
{{- end -}}

{{- define "exoscale-nlb-operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}
