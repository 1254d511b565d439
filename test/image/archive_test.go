package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// archive is an OCI archive in memory: its files by name.
type archive map[string][]byte

// descriptor leads to a blob, as the OCI image specification has it.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Platform  struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

type index struct {
	Manifests []descriptor `json:"manifests"`
}

type manifest struct {
	Config descriptor   `json:"config"`
	Layers []descriptor `json:"layers"`
}

// config of an image.
type config struct {
	Created      string `json:"created"`
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		User       string            `json:"User"`
		Entrypoint []string          `json:"Entrypoint"`
		Cmd        []string          `json:"Cmd"`
		Env        []string          `json:"Env"`
		Labels     map[string]string `json:"Labels"`
	} `json:"config"`
}

// image is the one for a platform: its config and its files.
type image struct {
	config config
	files  map[string]file
}

type file struct {
	header  tar.Header
	content []byte
}

func readArchive(t *testing.T, content []byte) archive {
	t.Helper()
	files := archive{}
	for name, file := range untar(t, bytes.NewReader(content)) {
		files[name] = file.content
	}
	return files
}

// untar gives the files and links of a tar archive, by name.
func untar(t *testing.T, from io.Reader) map[string]file {
	t.Helper()
	files := map[string]file{}
	for reader := tar.NewReader(from); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeDir {
			files[strings.TrimPrefix(path.Clean(header.Name), "/")] = file{*header, content}
		}
	}
}

func (a archive) read(t *testing.T, name string, into any) {
	t.Helper()
	content, is := a[name]
	if !is {
		t.Fatalf("the archive has no %s, only %q", name, slices.Sorted(maps.Keys(a)))
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func (d descriptor) blob() string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

// images are those of the archive by platform, such as linux/arm64.
func (a archive) images(t *testing.T) map[string]image {
	t.Helper()
	var top index
	a.read(t, "index.json", &top)
	images := map[string]image{}
	for len(top.Manifests) > 0 {
		d := top.Manifests[0]
		top.Manifests = top.Manifests[1:]
		if strings.Contains(d.MediaType, "index") {
			var nested index
			a.read(t, d.blob(), &nested)
			top.Manifests = append(top.Manifests, nested.Manifests...)
			continue
		}
		image := a.image(t, d)
		images[image.config.OS+"/"+image.config.Architecture] = image
		if named := d.Platform.OS + "/" + d.Platform.Architecture; named != image.config.OS+"/"+image.config.Architecture {
			t.Errorf("the index says %s of an image for %s/%s", named, image.config.OS, image.config.Architecture)
		}
	}
	return images
}

func (a archive) image(t *testing.T, d descriptor) image {
	t.Helper()
	var m manifest
	a.read(t, d.blob(), &m)
	image := image{files: map[string]file{}}
	a.read(t, m.Config.blob(), &image.config)
	for _, layer := range m.Layers {
		unzipped, err := gzip.NewReader(bytes.NewReader(a[layer.blob()]))
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(image.files, untar(t, unzipped))
	}
	return image
}
