{{/*
The rules of the roles come from files/rbac, which is written by make generate
from the markers in the code and from config/rbac.
*/}}

{{/* exoscale-nlb-operator.rules gives the rules of one kind of role in a file, as
a list: those of scope "cluster", "namespaces" or "all". What lives in namespaces
is split off, so that it can be allowed in some of them only. Where a rule names the
webhook's objects, or the Deployment, it gets the name that they have in this
release: "webhook", "deployment". */}}
{{- define "exoscale-nlb-operator.rules" -}}
{{- $rules := list -}}
{{- range $document := regexSplit "(?m)^---$" (.files.Get .file) -1 -}}
{{- $role := fromYaml $document -}}
{{- if and (eq (toString $role.kind) $.kind) (or (not $.name) (eq $role.metadata.name $.name)) -}}
{{- range $rule := $role.rules -}}
{{- $resources := list -}}
{{- range $rule.resources -}}
{{- $namespaced := has (first (splitList "/" .)) (list "services" "pods" "limitranges" "endpointslices" "events" "networkloadbalancers" "nlbservices") -}}
{{- if or (eq $.scope "all") (eq $namespaced (eq $.scope "namespaces")) -}}
{{- $resources = append $resources . -}}
{{- end -}}
{{- end -}}
{{- if $resources -}}
{{- $rule = set (deepCopy $rule) "resources" $resources -}}
{{- if and $.webhook $rule.resourceNames -}}
{{- $rule = set $rule "resourceNames" (list $.webhook) -}}
{{- end -}}
{{- if and $.deployment (has "deployments/scale" $rule.resources) -}}
{{- $rule = set $rule "resourceNames" (list $.deployment) -}}
{{- end -}}
{{- $rules = append $rules $rule -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $rules }}{{ toYaml $rules }}{{ end -}}
{{- end -}}

{{/* The subject of every binding. */}}
{{- define "exoscale-nlb-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "exoscale-nlb-operator.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
