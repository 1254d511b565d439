package helm

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"

	"github.com/exoscale-community/nlb-operator/cmd/manager/app"
)

// withoutValue are the flags that the chart leaves alone.
var withoutValue = map[string]string{
	"kubeconfig": "a Pod has its service account",
}

// everything is a value for each flag that isn't told in any case.
func everything() values {
	return values{
		"apiEndpoint": "https://api.example.com/v2", "apiInsecure": true, "clusterID": "blue", "claimClasslessServices": true,
		"defaultInstancePool": "workers", "allowedPools": []string{"*"}, "watchNamespaces": []string{"shop"},
		"nodes":   values{"pools": []string{"workers"}, "requireRestrictedLabels": true, "initialization": true, "csrApproval": true, "cidrs": []string{"10.0.0.0/24"}, "deletion": true},
		"metrics": values{"secure": false}, "udpSidecar": values{
			"enabled": true, "certManager": values{"enabled": true}, "clientCA": values{"configMap": "callers", "names": []string{"kube-apiserver"}},
		},
	}
}

func TestEveryFlagHasAValue(t *testing.T) {
	told := arguments(t, everything())
	for flag := range flags(t) {
		_, is := told[flag]
		switch reason, exempt := withoutValue[flag]; {
		case exempt && is:
			t.Errorf("--%s has a value all the same: %s", flag, reason)
		case !exempt && !is:
			t.Errorf("no value leads to --%s", flag)
		}
	}
	known := flags(t)
	for flag := range told {
		if _, is := known[flag]; !is {
			t.Errorf("the manager has no flag --%s", flag)
		}
	}
}

func TestDefaultsAreTheManagersOwn(t *testing.T) {
	// What a Pod needs besides.
	differs := map[string]bool{"leader-elect": true, "leader-election-namespace": true, "zone": true, "exoscale-credentials-file": true, "udp-sidecar-image": true, "uninstall-guard": true}
	known := flags(t)
	known["webhook-namespace"] = namespace // the Pod's
	for flag, got := range arguments(t, values{"udpSidecar": sidecars()}) {
		if want := known[flag]; !differs[flag] && normal(got) != normal(want) {
			t.Errorf("--%s is %q, the manager's own default %q", flag, got, want)
		}
	}
}

// What the Job before an uninstallation is told is what release knows.
func TestTheUninstallationHasOnlyFlagsOfRelease(t *testing.T) {
	known := helpOf(t, "release", "--help")
	for _, policy := range []string{"refuse", "retain", "delete"} {
		v := everything()
		v["uninstall"] = values{"policy": policy}
		var job batchv1.Job
		rendered(t, v).get(t, "Job", "-release", &job)
		container := job.Spec.Template.Spec.Containers[0]
		if container.Args[0] != "release" {
			t.Errorf("it runs %q", container.Args[0])
		}
		for _, argument := range container.Args[1:] {
			flag, _, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
			if _, is := known[flag]; !is {
				t.Errorf("release has no flag --%s", flag)
			}
		}
	}
}

// arguments are those of the manager's container: values by flag.
func arguments(t *testing.T, v values) map[string]string {
	t.Helper()
	var deployment appsv1.Deployment
	rendered(t, v).get(t, "Deployment", "", &deployment)
	told := argumentsOf(&deployment)
	if len(told) != len(deployment.Spec.Template.Spec.Containers[0].Args) {
		t.Errorf("a flag is told twice: %q", deployment.Spec.Template.Spec.Containers[0].Args)
	}
	return told
}

func argumentsOf(deployment *appsv1.Deployment) map[string]string {
	told := map[string]string{}
	for _, argument := range deployment.Spec.Template.Spec.Containers[0].Args {
		flag, value, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
		told[flag] = value
	}
	return told
}

// flags of the manager with their defaults, from its help.
func flags(t *testing.T) map[string]string {
	t.Helper()
	known := helpOf(t, "--help")
	if known["sync-period"] != "1m0s" {
		t.Fatalf("these are no flags: %v", known)
	}
	return known
}

// helpOf a command are its flags with their defaults.
func helpOf(t *testing.T, arguments ...string) map[string]string {
	t.Helper()
	var help strings.Builder
	command := app.Command{Args: arguments, Out: &help, Lookup: func(string) (string, bool) { return "", false }}
	if err := command.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^  --([a-z-]+)(?:.* \(default (.*)\))?`).FindAllStringSubmatch(help.String(), -1) {
		if match[1] != "help" && match[1] != "version" {
			known[match[1]] = match[2]
		}
	}
	return known
}

func normal(value string) string {
	if d, err := time.ParseDuration(value); err == nil {
		return d.String()
	}
	return value
}
