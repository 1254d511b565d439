package exoscale

import (
	"context"
	"errors"
	"fmt"

	v3 "github.com/exoscale/egoscale/v3"
)

// An answer with status 200 isn't believed for that alone: proxies and gateways
// answer, too. What isn't what was asked for is Transient, as if there had been no
// answer. It never reads as "there is none", and never as another object.

// listed runs a call that is answered with a list. There must be a list, an empty
// one if there is nothing, and each entry must have an id.
func listed[Answer, Entry any](ctx context.Context, client *Client, c call,
	do func(context.Context, *v3.Client) (*Answer, error), list func(*Answer) []Entry, id func(Entry) v3.UUID,
) ([]Entry, error) {
	answer, err := request(ctx, client, c, func(ctx context.Context, sdk *v3.Client) (*Answer, error) {
		answer, err := do(ctx, sdk)
		if err != nil {
			return nil, err
		}
		if list(answer) == nil {
			return nil, errors.New("the answer holds no list")
		}
		for _, entry := range list(answer) {
			if id(entry) == "" {
				return nil, errors.New("the answer lists something without an id")
			}
		}
		return answer, nil
	})
	if err != nil {
		return nil, err
	}
	return list(answer), nil
}

// identified runs a call that is answered with the object of the call's id.
func identified[Answer any](ctx context.Context, client *Client, c call,
	do func(context.Context, *v3.Client) (*Answer, error), id func(*Answer) v3.UUID,
) (*Answer, error) {
	return request(ctx, client, c, func(ctx context.Context, sdk *v3.Client) (*Answer, error) {
		answer, err := do(ctx, sdk)
		switch {
		case err != nil:
			return nil, err
		case id(answer) == "":
			return nil, errors.New("the answer holds nothing of what was asked for")
		case string(id(answer)) != c.ids[0]:
			return nil, fmt.Errorf("the answer is about %s, which wasn't asked for", clip(string(id(answer))))
		default:
			return answer, nil
		}
	})
}

// stated passes an answer that tells how far the operation is.
func stated(op *v3.Operation, err error) (*v3.Operation, error) {
	if err != nil {
		return nil, err
	}
	switch op.State {
	case v3.OperationStatePending, v3.OperationStateSuccess, v3.OperationStateFailure, v3.OperationStateTimeout:
		return op, nil
	default:
		return nil, fmt.Errorf("the answer doesn't tell how far the operation is: its state is %q", clip(string(op.State)))
	}
}
