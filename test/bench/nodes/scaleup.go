package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/exoscale-community/nlb-operator/api/v1alpha1"
)

// mostLists is how many lists of the instances a scale-up may take.
const mostLists = 2

// measureScaleUp scales the pools up, all at once, and counts the lists until the
// new members are known, and until their Nodes are verified.
func (b bench) measureScaleUp(ctx context.Context, out io.Writer, s *scene) error {
	before := b.sizes[len(b.sizes)-1].nodes
	after := before + b.scaleUp
	fmt.Fprintf(out, "Scaling up from %d nodes to %d.\n", before, after)
	start := time.Now()
	s.cloud.ResetCalls()
	for _, pool := range s.pools {
		s.cloud.ScalePool(pool.ID, after/len(s.pools))
	}
	if err := s.identified(ctx, after, v1alpha1.ReasonVerified, v1alpha1.ReasonNotJoined); err != nil {
		return err
	}
	known := s.listed()
	fmt.Fprintf(out, "  all have a NodeIdentity after %s, lists of the instances meanwhile: %d\n", seconds(time.Since(start)), known)
	start = time.Now()
	s.cloud.ResetCalls()
	if err := s.join(ctx); err != nil {
		return err
	}
	joined := time.Now()
	if err := s.identified(ctx, after, v1alpha1.ReasonVerified); err != nil {
		return err
	}
	fmt.Fprintf(out, "  their Nodes join within %s; all are verified %s later, lists of the instances meanwhile: %d\n", seconds(joined.Sub(start)), seconds(time.Since(joined)), s.listed())
	if known > mostLists {
		return fmt.Errorf("it took %d lists to identify %d new nodes, and may take %d", known, b.scaleUp, mostLists)
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
