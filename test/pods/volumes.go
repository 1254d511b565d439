package pods

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// refresh writes what the Pod has mounted, and again whenever a Secret changes.
func (p *pod) refresh(ctx context.Context, item *corev1.Pod) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	if err := p.account(ctx, item); err != nil {
		return err
	}
	for _, volume := range item.Spec.Volumes {
		if err := p.mount(ctx, item, volume); err != nil {
			return fmt.Errorf("volume %s: %w", volume.Name, err)
		}
	}
	return nil
}

// account writes a kubeconfig with a token of the service account, once: tests
// don't last as long as it does.
func (p *pod) account(ctx context.Context, item *corev1.Pod) error {
	path := filepath.Join(p.dir, "kubeconfig")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	request := &authenticationv1.TokenRequest{}
	owner := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: item.Namespace, Name: item.Spec.ServiceAccountName}}
	if err := p.runner.client.SubResource("token").Create(ctx, owner, request); err != nil {
		return fmt.Errorf("token of service account %s: %w", owner.Name, err)
	}
	cluster := p.runner.options.Config
	config := clientcmdapi.NewConfig()
	config.Clusters["it"] = &clientcmdapi.Cluster{Server: cluster.Host, CertificateAuthorityData: cluster.CAData}
	config.AuthInfos["it"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts["it"] = &clientcmdapi.Context{Cluster: "it", AuthInfo: "it", Namespace: item.Namespace}
	config.CurrentContext = "it"
	return clientcmd.WriteToFile(*config, path)
}

// volume is the folder that stands for a mount.
func (p *pod) volume(name string) string { return filepath.Join(p.dir, "volumes", name) }

func (p *pod) mount(ctx context.Context, item *corev1.Pod, volume corev1.Volume) error {
	folder := p.volume(volume.Name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	switch {
	case volume.EmptyDir != nil, volume.Projected != nil: // the token is in the kubeconfig
		return nil
	case volume.Secret == nil:
		return errors.New("is of a kind that isn't known here")
	}
	var secret corev1.Secret
	err := p.runner.client.Get(ctx, client.ObjectKey{Namespace: item.Namespace, Name: volume.Secret.SecretName}, &secret)
	optional := volume.Secret.Optional != nil && *volume.Secret.Optional
	if err != nil && (!gone(err) || !optional) {
		if p.running() {
			return nil // what was mounted stays
		}
		return err
	}
	files := map[string][]byte{}
	for key, content := range secret.Data {
		if len(volume.Secret.Items) == 0 {
			files[key] = content
		}
	}
	for _, chosen := range volume.Secret.Items {
		files[chosen.Path] = secret.Data[chosen.Key]
	}
	return project(folder, files)
}

// project writes files as kubelet does: a new folder, to which the link ..data is
// swapped in one step, and links to what is in it.
func project(folder string, files map[string][]byte) error {
	if same(folder, files) {
		return nil
	}
	generation := ".." + time.Now().UTC().Format("2006_01_02_15_04_05.000000000")
	if err := os.Mkdir(filepath.Join(folder, generation), 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, generation, name), content, 0o400); err != nil {
			return err
		}
	}
	before, _ := os.Readlink(filepath.Join(folder, "..data"))
	swap := filepath.Join(folder, "..data_tmp")
	if err := errors.Join(os.Symlink(generation, swap), os.Rename(swap, filepath.Join(folder, "..data"))); err != nil {
		return err
	}
	for name := range files {
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if before == "" {
		return nil
	}
	return errors.Join(unlink(folder, files), os.RemoveAll(filepath.Join(folder, before)))
}

// unlink removes the links to what isn't there any more.
func unlink(folder string, files map[string][]byte) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		if _, is := files[entry.Name()]; !is && entry.Name()[:2] != ".." {
			err = errors.Join(err, os.Remove(filepath.Join(folder, entry.Name())))
		}
	}
	return err
}

func same(folder string, files map[string][]byte) bool {
	entries, err := os.ReadDir(filepath.Join(folder, "..data"))
	if err != nil || len(entries) != len(files) {
		return false
	}
	for name, content := range files {
		is, err := os.ReadFile(filepath.Join(folder, "..data", name))
		if err != nil || string(is) != string(content) {
			return false
		}
	}
	return true
}
