package pods

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// command is the container's, as it has to be said to a process.
func (p *pod) command(ctx context.Context, item *corev1.Pod) (*exec.Cmd, error) {
	container := item.Spec.Containers[0]
	if len(item.Spec.Containers) > 1 || len(item.Spec.InitContainers) > 0 || len(container.Command) > 0 {
		return nil, errors.New("only Pods of one container that starts what its image starts are run here")
	}
	program, err := p.runner.program(container.Image)
	if err != nil {
		return nil, err
	}
	environment, err := p.environment(ctx, item)
	if err != nil {
		return nil, err
	}
	here := p.here(container)
	arguments := make([]string, len(container.Args))
	for i, argument := range container.Args {
		arguments[i] = here.Replace(argument)
	}
	cmd := exec.Command(program, arguments...)
	cmd.Dir, cmd.Env = p.dir, environment
	return cmd, nil
}

// here turns what is so in a container into what is so for a process: paths of
// mounts, and ports at any address.
func (p *pod) here(container corev1.Container) *strings.Replacer {
	var pairs []string
	for _, mount := range container.VolumeMounts {
		pairs = append(pairs, mount.MountPath, p.volume(mount.Name))
	}
	for _, port := range container.Ports {
		number := ":" + strconv.Itoa(int(port.ContainerPort))
		pairs = append(pairs, "="+number, "="+p.address+number)
	}
	return strings.NewReplacer(pairs...)
}

// environment has the container's variables, the way to the API server as the
// service account, and the one to Services.
func (p *pod) environment(ctx context.Context, item *corev1.Pod) ([]string, error) {
	container := item.Spec.Containers[0]
	here := p.here(container)
	all := []string{"HTTP_PROXY=http://" + p.runner.proxy.Addr}
	if item.Spec.AutomountServiceAccountToken == nil || *item.Spec.AutomountServiceAccountToken {
		all = append(all, "KUBECONFIG="+filepath.Join(p.dir, "kubeconfig"))
	}
	for _, variable := range container.Env {
		value, err := p.value(ctx, item, variable)
		if err != nil {
			return nil, err
		}
		all = append(all, variable.Name+"="+here.Replace(value))
	}
	return all, nil
}

func (p *pod) value(ctx context.Context, item *corev1.Pod, variable corev1.EnvVar) (string, error) {
	switch from := variable.ValueFrom; {
	case from == nil:
		return variable.Value, nil
	case from.FieldRef != nil:
		switch from.FieldRef.FieldPath {
		case "metadata.name":
			return item.Name, nil
		case "metadata.namespace":
			return item.Namespace, nil
		case "status.podIP":
			return p.address, nil
		}
	case from.SecretKeyRef != nil:
		var secret corev1.Secret
		err := p.runner.client.Get(ctx, client.ObjectKey{Namespace: item.Namespace, Name: from.SecretKeyRef.Name}, &secret)
		value, is := secret.Data[from.SecretKeyRef.Key]
		optional := from.SecretKeyRef.Optional != nil && *from.SecretKeyRef.Optional
		if is || optional && (err == nil || gone(err)) {
			return string(value), nil
		}
		return "", fmt.Errorf("variable %s: key %s of Secret %s: %w", variable.Name, from.SecretKeyRef.Key, from.SecretKeyRef.Name, err)
	}
	return "", fmt.Errorf("variable %s comes from what isn't known here", variable.Name)
}

// ready asks the readiness probe; a container without one is ready.
func (p *pod) ready(ctx context.Context, item *corev1.Pod) bool {
	container := item.Spec.Containers[0]
	if container.ReadinessProbe == nil {
		return true
	}
	get := container.ReadinessProbe.HTTPGet
	if get == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second) // longer than a kubelet: it tries three times
	defer cancel()
	url := "http://" + net.JoinHostPort(p.address, strconv.Itoa(portOf(container, get.Port))) + get.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode < 300
}

func portOf(container corev1.Container, port intstr.IntOrString) int {
	for _, named := range container.Ports {
		if named.Name == port.StrVal {
			return int(named.ContainerPort)
		}
	}
	return port.IntValue()
}
