package images

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// nobody is who a program runs as: a number, so that runAsNonRoot can be checked.
const nobody = "65532:65532"

// Write makes an image whose only file is a static program for Linux on this
// processor, and which runs it, as nobody. The reference has to name a registry
// and a tag; the file is a tar archive as ctr images import and docker load take it.
func Write(file, reference, program string) error {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return err
	}
	layer, err := layerOf(program)
	if err != nil {
		return fmt.Errorf("making image %s: %w", reference, err)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: runtime.GOARCH,
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Entrypoint: []string{"/" + filepath.Base(program)}, User: nobody},
	})
	if err == nil {
		image, err = mutate.AppendLayers(image, layer)
	}
	if err != nil {
		return fmt.Errorf("making image %s: %w", reference, err)
	}
	return tarball.WriteToFile(file, tag, image)
}

// layerOf is a layer that holds a program in its root folder.
func layerOf(program string) (v1.Layer, error) {
	if err := isStatic(program); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	err = w.WriteHeader(&tar.Header{Name: filepath.Base(program), Mode: 0o755, Size: int64(len(content))})
	if err == nil {
		_, err = w.Write(content)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(archive.Bytes())), nil
	})
}

// isStatic refuses what would start only beside a dynamic linker.
func isStatic(program string) error {
	binary, err := elf.Open(program)
	if err != nil {
		return err
	}
	defer func() { _ = binary.Close() }() // read only
	for _, part := range binary.Progs {
		if part.Type == elf.PT_INTERP {
			return fmt.Errorf("%s isn't static: build it with CGO_ENABLED=0", program)
		}
	}
	return nil
}
