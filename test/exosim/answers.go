package exosim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// body is an answer that is sent as it is.
type body struct {
	contentType string
	text        string
}

// instead is what a call is answered with when faults have their way: what came
// of it in truth is answer and err.
func (s struck) instead(answer any, err error) (any, error) {
	for _, kind := range []FaultKind{FaultStatus, FaultGateway} {
		if fault := s.of(kind); fault != nil {
			return nil, fault.refusal()
		}
	}
	if other := s.of(FaultAnswer); other != nil {
		return body{contentType: "application/json", text: other.Body}, nil
	}
	if err != nil {
		return answer, err
	}
	for _, fault := range s.faults {
		switch fault.Kind {
		case FaultLackingObject:
			answer = tampered(answer, fault.dropObjects)
		case FaultLackingService:
			answer = tampered(answer, fault.dropServices)
		case FaultIncomplete:
			answer = tampered(answer, fault.blank)
		}
	}
	return answer, nil
}

// tampered is an answer with changes that its types don't allow.
func tampered(answer any, change func(document map[string]any)) any {
	encoded, err := json.Marshal(answer)
	if err != nil {
		return answer
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	var document map[string]any
	if decoder.Decode(&document) != nil {
		return answer
	}
	change(document)
	return document
}

// listOf finds the list that an answer is; is is false if it is one object.
func listOf(document map[string]any) (field string, list []any, is bool) {
	if len(document) != 1 {
		return "", nil, false
	}
	for field, value := range document {
		if list, is = value.([]any); is {
			return field, list, true
		}
	}
	return "", nil, false
}

// objectsOf are the objects that an answer shows.
func objectsOf(document map[string]any) []map[string]any {
	_, list, is := listOf(document)
	if !is {
		return []map[string]any{document}
	}
	return objectsIn(list)
}

func objectsIn(list any) []map[string]any {
	items, _ := list.([]any)
	var objects []map[string]any
	for _, item := range items {
		if object, is := item.(map[string]any); is {
			objects = append(objects, object)
		}
	}
	return objects
}

// chosen are, of some objects, those that Object names, else one that chance
// picks.
func (b *blow) chosen(objects []map[string]any) []map[string]any {
	if b.Object == "" {
		if len(objects) == 0 {
			return nil
		}
		return objects[b.pick%uint64(len(objects)):][:1]
	}
	return slices.DeleteFunc(objects, func(object map[string]any) bool { return !b.names(object) })
}

// names tells whether Object names an object.
func (b *blow) names(object map[string]any) bool {
	for _, field := range []string{"id", "name"} {
		if text, is := object[field].(string); is && fits(b.Object, text) {
			return true
		}
	}
	return false
}

func (b *blow) dropObjects(document map[string]any) {
	if field, list, is := listOf(document); is {
		document[field] = lacking(list, b.chosen(objectsIn(list)))
	}
}

func (b *blow) dropServices(document map[string]any) {
	var all []map[string]any
	for _, lb := range objectsOf(document) {
		all = append(all, objectsIn(lb["services"])...)
	}
	dropped := b.chosen(all)
	for _, lb := range objectsOf(document) {
		if services, is := lb["services"].([]any); is {
			lb["services"] = lacking(services, dropped)
		}
	}
}

// lacking is a list without the objects of the ids of some.
func lacking(list []any, dropped []map[string]any) []any {
	return slices.DeleteFunc(slices.Clone(list), func(item any) bool {
		object, is := item.(map[string]any)
		return is && slices.ContainsFunc(dropped, func(d map[string]any) bool { return d["id"] == object["id"] })
	})
}

// blank takes Fields away, or one that chance picks.
func (b *blow) blank(document map[string]any) {
	fields := b.Fields
	if len(fields) == 0 {
		all := IncompleteFields()
		fields = all[b.pick%uint64(len(all)):][:1]
	}
	for _, field := range fields {
		path := strings.Split(field, ".")
		if name, _, is := listOf(document); is && name == path[0] {
			b.blankIn(document, path)
			continue
		}
		for _, object := range objectsOf(document) {
			if b.Object == "" || b.names(object) {
				b.blankIn(object, path)
			}
		}
	}
}

// blankIn takes away what a path leads to; on its way it goes into every object of
// a list.
func (b *blow) blankIn(object map[string]any, path []string) {
	value, there := object[path[0]]
	switch {
	case len(path) == 1 && b.Absent:
		delete(object, path[0])
	case len(path) == 1:
		object[path[0]] = nil
	case !there:
	default:
		if inner, is := value.(map[string]any); is {
			b.blankIn(inner, path[1:])
		}
		for _, inner := range objectsIn(value) {
			b.blankIn(inner, path[1:])
		}
	}
}

// serveOther answers a read of one object with another one of its kind, or, if
// there is none, with the same under an id that nothing has.
func (r *request) serveOther(route route, pick uint64) (any, error) {
	asked := r.params["id"]
	others := slices.DeleteFunc(r.idsLike(route), func(id string) bool { return id == asked })
	if len(others) > 0 {
		r.params["id"] = others[pick%uint64(len(others))]
		return route.serve(r)
	}
	answer, err := route.serve(r)
	if err != nil {
		return nil, err
	}
	return tampered(answer, func(document map[string]any) { document["id"] = uuid.NewString() }), nil
}

// idsLike are the ids of the objects that a route reads; none if it is one of those
// of which nobody asks for several.
func (r *request) idsLike(route route) []string {
	switch route.operation {
	case "get-load-balancer":
		return idsOf(r.state.loadBalancers)
	case "get-instance-pool":
		return idsOf(r.state.pools)
	case "get-instance":
		return idsOf(r.state.instances)
	case "get-operation":
		return slices.DeleteFunc(slices.Clone(r.cloud.operations.order), func(id string) bool {
			return r.cloud.operations.byID[id].zone != r.zone
		})
	default:
		return nil
	}
}

func idsOf[T identified](list []T) []string {
	var ids []string
	for _, item := range list {
		ids = append(ids, item.identity())
	}
	return ids
}

// gatewayPage is what gateways say in HTML.
const gatewayPage = "<html>\r\n<head><title>STATUS</title></head>\r\n<body>\r\n<center><h1>STATUS</h1></center>\r\n<hr><center>MESSAGE</center>\r\n</body>\r\n</html>\r\n"

// gatewayAnswer is the body of a gateway's answer, which isn't of the API's form.
func (f *Fault) gatewayAnswer(status int) body {
	text := http.StatusText(status)
	message := f.Message
	if message == "" {
		message = "gateway"
	}
	if f.Form == FormJSON {
		encoded, _ := json.Marshal(map[string]any{"error": text, "by": message, "code": status}) // can't fail
		return body{contentType: "application/json", text: string(encoded)}
	}
	return body{
		contentType: "text/html",
		text:        strings.NewReplacer("STATUS", http.StatusText(status), "MESSAGE", message).Replace(gatewayPage),
	}
}
