{{/* What every Pod of the chart is: the restricted pod security, and the mounted
API key. The image is the same for all. */}}

{{- define "exoscale-nlb-operator.pod" -}}
serviceAccountName: {{ default (include "exoscale-nlb-operator.serviceAccount" .) .serviceAccount }}
# A Service's variables (EXOSCALE_NLB_…) are none of ours.
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $tolerations := .Values.tolerations }}
{{- if .Values.nodes.initialization }}
{{- $tolerations = append $tolerations (dict "key" "node.cloudprovider.kubernetes.io/uninitialized" "operator" "Exists" "effect" "NoSchedule") }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile:
    type: RuntimeDefault
volumes:
  # A mounted Secret is followed: a changed API key needs no restart. The key
  # isn't in the environment, where every child and dump would show it. Without
  # the Secret the Pods run all the same, and say what they lack.
  - name: credentials
    secret:
      secretName: {{ include "exoscale-nlb-operator.credentials" . }}
      optional: true
      defaultMode: 0444
{{- end -}}

{{- define "exoscale-nlb-operator.container" -}}
image: {{ include "exoscale-nlb-operator.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: credentials
    mountPath: /etc/exoscale-credentials
    readOnly: true
{{- end -}}
