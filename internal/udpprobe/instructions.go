package udpprobe

import "regexp/syntax"

// instructions is how many a regular expression would have, compiled as package
// regexp does: one that fails, those of the expression, and one that matches.
func instructions(parsed *syntax.Regexp) int { return 1 + sizeOf(parsed).count + 1 }

// size is what a part of a regular expression becomes once it is simplified and
// compiled.
type size struct {
	count int
	// op and lazy are of the part when it is simplified: a star of a star is one.
	op   syntax.Op
	lazy bool
	// empty: it matches the empty string as well, so that repeating it takes more.
	empty bool
	// never: it matches nothing, so that what chooses it takes nothing.
	never bool
}

func sizeOf(re *syntax.Regexp) size {
	lazy := re.Flags&syntax.NonGreedy != 0
	switch re.Op {
	case syntax.OpNoMatch:
		return size{op: re.Op, never: true}
	case syntax.OpLiteral:
		return size{count: max(1, len(re.Rune)), op: re.Op, empty: len(re.Rune) == 0}
	case syntax.OpCharClass, syntax.OpAnyCharNotNL, syntax.OpAnyChar:
		return size{count: 1, op: re.Op}
	case syntax.OpCapture:
		sub := sizeOf(re.Sub[0])
		return size{count: sub.count + 2, op: re.Op, empty: sub.empty && !sub.never, never: sub.never}
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		return repeated(re.Op, lazy, sizeOf(re.Sub[0]))
	case syntax.OpRepeat:
		return counted(re.Min, re.Max, lazy, sizeOf(re.Sub[0]))
	case syntax.OpConcat:
		return sequence(re.Sub)
	case syntax.OpAlternate:
		return choice(re.Sub)
	default: // the empty string, and what looks at the text around it
		return size{count: 1, op: re.Op, empty: true}
	}
}

func repeated(op syntax.Op, lazy bool, sub size) size {
	if sub.op == syntax.OpEmptyMatch || sub.op == op && sub.lazy == lazy {
		return sub
	}
	whole := size{count: sub.count + 1, op: op, lazy: lazy, empty: op != syntax.OpPlus || sub.empty}
	if op == syntax.OpStar && sub.empty {
		whole.count++
	}
	return whole
}

// counted is x{least,most}; most is -1 where there is no limit.
func counted(least, most int, lazy bool, sub size) size {
	switch {
	case least == 0 && most == 0:
		return size{count: 1, op: syntax.OpEmptyMatch, empty: true}
	case least == 0 && most == -1:
		return repeated(syntax.OpStar, lazy, sub)
	case least == 1 && most == -1:
		return repeated(syntax.OpPlus, lazy, sub)
	case least == 1 && most == 1:
		return sub
	}
	// x{2,5} is xx(x(x(x)?)?)?, and x{3,} is xxx+.
	whole := size{op: syntax.OpConcat, count: least * sub.count, empty: sub.empty || least == 0, never: sub.never}
	if most == -1 {
		whole.count += repeated(syntax.OpPlus, lazy, sub).count - sub.count
		return whole
	}
	if most > least {
		innermost := repeated(syntax.OpQuest, lazy, sub)
		whole.count += innermost.count + (most-least-1)*(sub.count+1)
		if least == 0 {
			whole.op, whole.lazy, whole.never = syntax.OpQuest, lazy, false
			if most == 1 {
				return innermost
			}
		}
	}
	return whole
}

func sequence(subs []*syntax.Regexp) size {
	whole := size{op: syntax.OpConcat, empty: true}
	if len(subs) == 0 {
		whole.count = 1
	}
	for _, re := range subs {
		sub := sizeOf(re)
		whole.count += sub.count
		whole.empty = whole.empty && sub.empty
		whole.never = whole.never || sub.never
	}
	whole.empty = whole.empty && !whole.never
	return whole
}

func choice(subs []*syntax.Regexp) size {
	whole := size{op: syntax.OpAlternate, never: true}
	for _, re := range subs {
		sub := sizeOf(re)
		whole.count += sub.count
		if !whole.never && !sub.never {
			whole.count++
		}
		whole.empty = whole.empty || sub.empty
		whole.never = whole.never && sub.never
	}
	return whole
}
