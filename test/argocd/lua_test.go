package argocd

import (
	"context"
	"os"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
)

const root = "../.."

// The scripts.
const (
	healthScript  = root + "/config/argocd/health.lua"
	serviceScript = root + "/config/argocd/service-health.lua"
)

// verdict is what a script says of an object.
type verdict struct{ Status, Message string }

// judge runs a script on an object with what Argo CD gives scripts of its users:
// no library but the basic ones and that of tables, and a second of time.
func judge(t *testing.T, script string, object map[string]any) verdict {
	t.Helper()
	source, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", luaOf(state, object))
	if err := state.DoString(string(source)); err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	result, is := state.Get(-1).(*lua.LTable)
	if !is {
		t.Fatalf("%s gives a %s", script, state.Get(-1).Type())
	}
	return verdict{Status: result.RawGetString("status").String(), Message: result.RawGetString("message").String()}
}

// luaOf is a value of an unstructured object in Lua.
func luaOf(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, luaOf(state, item))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(luaOf(state, item))
		}
		return table
	case string:
		return lua.LString(value)
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	default:
		return lua.LNil
	}
}
