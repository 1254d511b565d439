package pods

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// pod is one Pod that runs, or is to. Its methods but kill are the Runner's loop's.
type pod struct {
	runner  *Runner
	dir     string
	ip      string // as the cluster knows it
	address string // on loopback

	restarts  int32
	again     time.Time // when to start it again
	started   metav1.Time
	stopFrom  time.Time // when to ask the process to end
	stopUntil time.Time // when to stop waiting for it to
	asked     bool      // it was
	told      string    // the status as it was written last

	mu      sync.Mutex
	process *os.Process // while it runs
	exited  chan struct{}
	code    int32
}

// sync does what is to be done next for the Pod, and tells of it.
func (p *pod) sync(ctx context.Context, item *corev1.Pod) {
	if item.DeletionTimestamp != nil {
		p.end(ctx, item)
		return
	}
	if item.Status.Phase == corev1.PodSucceeded || item.Status.Phase == corev1.PodFailed {
		return
	}
	status := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: p.ip, HostIP: "127.0.0.1", StartTime: &p.started}
	status.PodIPs = []corev1.PodIP{{IP: p.ip}}
	container := corev1.ContainerStatus{Name: item.Spec.Containers[0].Name, Image: item.Spec.Containers[0].Image, RestartCount: p.restarts}
	switch err := p.refresh(ctx, item); {
	case err != nil:
		status.Phase = corev1.PodPending
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: err.Error()}
	case p.exited == nil && time.Now().Before(p.again):
		container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	case p.exited == nil:
		if err := p.start(ctx, item); err != nil {
			status.Phase = corev1.PodPending
			container.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CreateContainerError", Message: err.Error()}
			break
		}
		container.State.Running = &corev1.ContainerStateRunning{StartedAt: p.started}
	case p.running():
		container.State.Running = &corev1.ContainerStateRunning{StartedAt: p.started}
		container.Ready = p.ready(ctx, item)
	default:
		container.State.Terminated = p.terminated()
		if item.Spec.RestartPolicy == corev1.RestartPolicyAlways || item.Spec.RestartPolicy == corev1.RestartPolicyOnFailure && p.code != 0 {
			p.restarts++
			p.exited, p.again = nil, time.Now().Add(time.Second)
			break
		}
		status.Phase = corev1.PodSucceeded
		if p.code != 0 {
			status.Phase = corev1.PodFailed
		}
	}
	status.ContainerStatuses = []corev1.ContainerStatus{container}
	status.Conditions = conditions(item, container.Ready)
	p.tell(ctx, item, status)
}

// conditions keep the times of those that didn't change.
func conditions(item *corev1.Pod, ready bool) []corev1.PodCondition {
	var all []corev1.PodCondition
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		condition := corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}
		if !ready && (kind == corev1.ContainersReady || kind == corev1.PodReady) {
			condition.Status = corev1.ConditionFalse
		}
		for _, was := range item.Status.Conditions {
			if was.Type == kind && was.Status == condition.Status {
				condition.LastTransitionTime = was.LastTransitionTime
			}
		}
		all = append(all, condition)
	}
	return all
}

// tell writes the status if it isn't what was written last.
func (p *pod) tell(ctx context.Context, item *corev1.Pod, status corev1.PodStatus) {
	container := status.ContainerStatuses[0]
	now := fmt.Sprint(status.Phase, container.Ready, container.RestartCount, container.State)
	if now == p.told {
		return
	}
	after := item.DeepCopy()
	after.Status = status
	if p.runner.client.Status().Update(ctx, after) == nil {
		p.told = now
	}
}

// end asks the process to end, and has the Pod removed when it has.
func (p *pod) end(ctx context.Context, item *corev1.Pod) {
	if p.stopUntil.IsZero() {
		grace := int64(30)
		if item.DeletionGracePeriodSeconds != nil {
			grace = *item.DeletionGracePeriodSeconds
		}
		p.stopUntil = time.Now().Add(time.Duration(grace) * time.Second)
		p.stopFrom = time.Now().Add(pauseBeforeStop(item.Spec.Containers[0]))
	}
	if p.running() {
		switch now := time.Now(); {
		case now.After(p.stopUntil):
			p.kill()
		case now.After(p.stopFrom) && !p.asked:
			p.asked = true
			p.signal(syscall.SIGTERM)
		}
		return
	}
	_ = p.runner.client.Delete(ctx, item, client.GracePeriodSeconds(0))
}

// pauseBeforeStop is what the container's preStop hook sleeps.
func pauseBeforeStop(container corev1.Container) time.Duration {
	if container.Lifecycle == nil || container.Lifecycle.PreStop == nil || container.Lifecycle.PreStop.Sleep == nil {
		return 0
	}
	return time.Duration(container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
}

// start runs the program of the container.
func (p *pod) start(ctx context.Context, item *corev1.Pod) error {
	cmd, err := p.command(ctx, item)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.log(item.Spec.Containers[0].Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd.Stdout, cmd.Stderr = log, log
	// The terminal's Ctrl-C isn't for it: Stop ends all in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	p.started, p.exited = metav1.Now(), make(chan struct{})
	p.mu.Lock()
	p.process = cmd.Process
	p.mu.Unlock()
	go p.wait(cmd, p.exited)
	return nil
}

func (p *pod) wait(cmd *exec.Cmd, exited chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process, p.code = nil, 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		p.code = int32(failed.ExitCode())
	}
	close(exited)
}

func (p *pod) running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.process != nil
}

func (p *pod) signal(signal os.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.process != nil {
		_ = p.process.Signal(signal)
	}
}

// kill ends the process at once, and waits for it.
func (p *pod) kill() {
	p.signal(syscall.SIGKILL)
	if p.exited != nil {
		<-p.exited
	}
}

func (p *pod) terminated() *corev1.ContainerStateTerminated {
	reason := "Completed"
	if p.code != 0 {
		reason = "Error"
	}
	return &corev1.ContainerStateTerminated{ExitCode: p.code, Reason: reason, StartedAt: p.started, FinishedAt: p.started}
}

func (p *pod) log(container string) string { return filepath.Join(p.dir, container+".log") }
