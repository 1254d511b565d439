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

{{/* exoscale-nlb-operator.memory gives the variable GOMEMLIMIT, as a list: nine tenths
of the limit of memory, since not all of a process is the Go runtime's. Near it that
collects garbage more often; at the limit itself the kernel ends the process. None
where there is no limit that can be read, or where extraEnv has the variable. */}}
{{- define "exoscale-nlb-operator.memory" -}}
{{- $limit := dig "limits" "memory" "" .Values.resources -}}
{{- $own := false -}}
{{- range .Values.extraEnv -}}
{{- if eq .name "GOMEMLIMIT" }}{{ $own = true }}{{ end -}}
{{- end -}}
{{- $factors := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- $amount := 0.0 -}}
{{- if kindIs "string" $limit -}}
{{- $unit := regexFind "[kMGTi]*$" $limit -}}
{{- if and (regexMatch "^[0-9]+([.][0-9]+)?[kMGTi]*$" $limit) (hasKey $factors $unit) -}}
{{- $amount = mulf (trimSuffix $unit $limit | float64) (get $factors $unit) -}}
{{- end -}}
{{- else -}}
{{- $amount = float64 $limit -}}
{{- end -}}
{{- $mebibytes := div (mulf $amount 0.9 | int64) 1048576 -}}
{{- if and (gt $mebibytes 0) (not $own) -}}
- name: GOMEMLIMIT
  value: {{ $mebibytes }}MiB
{{- else -}}
[]
{{- end -}}
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
