{{/* What lets go of all that is held, before an uninstallation. */}}

{{/* exoscale-nlb-operator.releaseRoles gives the roles for it as a list, with
kind, namespace and rules. Their rules are those of config/release; but only to
list, if nothing is let go, and to write in the namespaces that are watched only. */}}
{{- define "exoscale-nlb-operator.releaseRoles" -}}
{{- $rules := dict "files" .Files "file" "files/rbac/release.yaml" "kind" "ClusterRole" -}}
{{- $objects := include "exoscale-nlb-operator.rules" (merge (dict "scope" "namespaces") $rules) -}}
{{- $all := include "exoscale-nlb-operator.rules" (merge (dict "scope" "all") $rules) -}}
{{- $guard := include "exoscale-nlb-operator.guardRules" . -}}
{{- $roles := list -}}
{{- if eq .Values.uninstall.policy "refuse" -}}
{{- $roles = append $roles (dict "kind" "ClusterRole" "rules" (include "exoscale-nlb-operator.only" (dict "rules" $objects "verbs" (list "list")) | fromYamlArray)) -}}
{{- $looks := include "exoscale-nlb-operator.only" (dict "rules" $guard "verbs" (list "get")) | fromYamlArray -}}
{{- $roles = append $roles (dict "kind" "Role" "namespace" .Release.Namespace "rules" $looks) -}}
{{- else -}}
{{- if .Values.watchNamespaces -}}
{{- $roles = append $roles (dict "kind" "ClusterRole" "rules" (include "exoscale-nlb-operator.only" (dict "rules" $all "verbs" (list "get" "list" "watch")) | fromYamlArray)) -}}
{{- else -}}
{{- $roles = append $roles (dict "kind" "ClusterRole" "rules" (fromYamlArray $all)) -}}
{{- end -}}
{{- $lease := include "exoscale-nlb-operator.rules" (dict "files" .Files "file" "files/rbac/release-lease.yaml" "kind" "Role" "scope" "all"
      "deployment" (include "exoscale-nlb-operator.fullname" .)) | fromYamlArray -}}
{{- $lease = concat $lease (fromYamlArray $guard) -}}
{{- $patch := include "exoscale-nlb-operator.only" (dict "rules" $objects "verbs" (list "patch")) | fromYamlArray -}}
{{- range .Values.watchNamespaces -}}
{{- if eq . $.Release.Namespace -}}
{{- $lease = concat $lease $patch -}}
{{- else -}}
{{- $roles = append $roles (dict "kind" "Role" "namespace" . "rules" $patch) -}}
{{- end -}}
{{- end -}}
{{- $roles = append $roles (dict "kind" "Role" "namespace" .Release.Namespace "rules" $lease) -}}
{{- end -}}
{{ toYaml $roles }}
{{- end -}}

{{/* exoscale-nlb-operator.guard names the ConfigMap that has to go before the operator. */}}
{{- define "exoscale-nlb-operator.guard" -}}
{{ include "exoscale-nlb-operator.fullname" . }}-guard
{{- end -}}

{{/* exoscale-nlb-operator.guardRules are what its finalizer takes. */}}
{{- define "exoscale-nlb-operator.guardRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [{{ include "exoscale-nlb-operator.guard" . }}]
  verbs: [get, patch]
{{- end -}}

{{/* exoscale-nlb-operator.only gives the rules with no verbs but these. */}}
{{- define "exoscale-nlb-operator.only" -}}
{{- $rules := list -}}
{{- range $rule := fromYamlArray .rules -}}
{{- $verbs := list -}}
{{- range $rule.verbs -}}
{{- if has . $.verbs }}{{ $verbs = append $verbs . }}{{ end -}}
{{- end -}}
{{- if $verbs }}{{ $rules = append $rules (set (deepCopy $rule) "verbs" $verbs) }}{{ end -}}
{{- end -}}
{{- if $rules }}{{ toYaml $rules }}{{ end -}}
{{- end -}}

{{/* How to go on after it failed. helm takes a release whose uninstallation has
failed for one that is being uninstalled, and doesn't upgrade it: hence the
rollback to what is installed. */}}
{{- define "exoscale-nlb-operator.advice" -}}
{{- $here := printf "--namespace %s" .Release.Namespace -}}
{{- $back := printf "helm rollback %s %d %s" .Release.Name (int .Release.Revision) $here -}}
{{- if eq .Values.uninstall.policy "refuse" -}}
Nothing was uninstalled. Delete them while the operator runs, and uninstall again. Or choose what becomes of them, and uninstall again:
  {{ $back }}
  helm upgrade {{ .Release.Name }} charts/{{ .Chart.Name }} {{ $here }} --reuse-values --set uninstall.policy=retain
retain keeps the NLBs with their addresses, delete deletes them, and ignore leaves objects that can't be deleted. After the first command all is as it was before.
{{- else -}}
Nothing was uninstalled. If the Deployment has been scaled to 0 it stays so, since the operator would take back what is let go of. Mend what is said above, and uninstall again, which goes on from here:
  helm uninstall {{ .Release.Name }} {{ $here }}
Or have the operator run again; it takes {{ ternary "back what was let go of" "back what was let go of, and makes new NLBs, with other addresses, for those that are deleted" (eq .Values.uninstall.policy "retain") }}:
  {{ $back }}
{{- end -}}
{{- end -}}
