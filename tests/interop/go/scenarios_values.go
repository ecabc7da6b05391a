// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bytes"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

const (
	greeting  = "hello, libchan ☺"
	largeSize = 300000
)

var signedEdges = []int64{0, 1, -1, -31, -32, -33, 127, 128, -127, -128, -129, 255, 256, 32767, 32768, -32768, -32769, 65535,
	65536, 1<<31 - 1, 1 << 31, -1 << 31, -1<<31 - 1, 1<<32 - 1, 1 << 32, 1<<53 - 1, 1<<53 + 1, math.MaxInt64, math.MinInt64}
var unsignedEdges = []uint64{0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<63 - 1, 1 << 63, math.MaxUint64}
var times = [][2]int64{{0, 0}, {1424694896, 789012345}, {-62135596800, 0}, {253402300799, 999999999}, {-1, 999999999}}

func signedList() []interface{} {
	list := []interface{}{}
	for _, n := range signedEdges {
		list = append(list, n)
	}
	return list
}

// unsignedList gives what is sent in the unsigned codes.
func unsignedList() []interface{} {
	list := []interface{}{}
	for _, n := range unsignedEdges {
		list = append(list, n)
	}
	return list
}

// unsignedResult gives what that is for the receiver.
func unsignedResult() []interface{} {
	list := []interface{}{}
	for _, n := range unsignedEdges {
		if n <= math.MaxInt64 {
			list = append(list, int64(n))
		} else {
			list = append(list, n)
		}
	}
	return list
}

func timeList() []interface{} {
	list := []interface{}{}
	for _, pair := range times {
		list = append(list, time.Unix(pair[0], pair[1]).UTC())
	}
	return list
}

func valueList() []interface{} {
	list := []interface{}{nil, false, true, 0.0, math.Copysign(0, -1), 1.5, math.Inf(1), math.Inf(-1), 5e-324, math.MaxFloat64, "", "☺𝄞"}
	for _, length := range []int{31, 32, 255, 256, 65535, 65536} {
		list = append(list, strings.Repeat("a", length))
	}
	for _, length := range []int{0, 1, 255, 256, 65535, 65536} {
		list = append(list, bytes.Repeat([]byte{'b'}, length))
	}
	list = append(list, []interface{}{}, []interface{}{[]interface{}{}}, object{}, object{"a": object{}})
	for _, length := range []int{15, 16} {
		numbers, entries := []interface{}{}, object{}
		for i := 0; i < length; i++ {
			numbers = append(numbers, int64(i))
			entries["k"+strconv.Itoa(i)] = int64(i)
		}
		list = append(list, numbers, entries)
	}
	return list
}

func same(what string, got, want interface{}) {
	want = plain(reflect.ValueOf(want))
	check(reflect.DeepEqual(got, want), "%s: got %.300v for %.300v", what, got, want)
}

// checkValues compares, and takes care of the zero that DeepEqual does not tell from the other.
func (m *message) checkValues() {
	same("Values", m.Values, valueList())
	check(math.Signbit(m.Values[4].(float64)), "the sign of -0 is lost")
	check(m.Number == 1 && m.Truth, "Number %v, Truth %v", m.Number, m.Truth)
}

func init() {
	scenario("echo", func(c *caller) {
		_, answers := c.ask("echo", object{"Text": greeting})
		expect(answers, object{"Text": greeting})
		expectEnd(answers)
	}, func(s *server, request *message) {
		sendAndClose(request.Ret, object{"Text": request.Text})
	})

	scenario("channels", func(c *caller) {
		answers := []Receiver{}
		for i := 0; i < 3; i++ {
			_, answer := c.ask("echo", object{"Text": strconv.Itoa(i)})
			answers = append(answers, answer)
		}
		for i := 2; i >= 0; i-- {
			expect(answers[i], object{"Text": strconv.Itoa(i)})
			expectEnd(answers[i])
		}
	}, nil)

	scenario("large", func(c *caller) {
		text, data := strings.Repeat("x", largeSize), pattern(largeSize, 0)
		_, answers := c.ask("large", object{"Text": text, "Data": data})
		got := receive(answers)
		check(got.Text == text && bytes.Equal(got.Data, data), "not what was sent")
		expectEnd(answers)
	}, func(s *server, request *message) {
		check(request.Text == strings.Repeat("x", largeSize), "%d characters", len(request.Text))
		check(bytes.Equal(request.Data, pattern(largeSize, 0)), "%d bytes", len(request.Data))
		sendAndClose(request.Ret, struct {
			Text string
			Data []byte
		}{request.Text, request.Data})
	})

	scenario("values", func(c *caller) {
		_, answers := c.ask("values", object{"Values": valueList(), "Number": 1.0, "Truth": true})
		receive(answers).checkValues()
	}, func(s *server, request *message) {
		request.checkValues()
		sendAndClose(request.Ret, object{"Values": valueList(), "Number": 1.0, "Truth": true})
	})

	scenario("integers", func(c *caller) {
		_, answers := c.ask("integers", object{"Values": signedList(), "Unsigned": unsignedList()})
		got := receive(answers)
		same("Values", got.Values, signedList())
		same("Unsigned", got.Unsigned, unsignedResult())
	}, func(s *server, request *message) {
		same("Values", request.Values, signedList())
		same("Unsigned", request.Unsigned, unsignedResult())
		sendAndClose(request.Ret, object{"Values": signedList(), "Unsigned": unsignedList()})
	})

	scenario("times", func(c *caller) {
		_, answers := c.ask("times", object{"Values": timeList()})
		same("Values", receive(answers).Values, timeList())
	}, func(s *server, request *message) {
		same("Values", request.Values, timeList())
		sendAndClose(request.Ret, object{"Values": timeList()})
	})

	initNil()
}

func nils() object {
	return object{"NilSender": nil, "NilReceiver": nil, "NilStream": nil, "NilText": nil, "NilList": nil, "NilBytes": nil,
		"NilAny": nil, "NilStruct": nil}
}

func (m *message) checkNils() {
	check(m.NilSender == nil && m.NilReceiver == nil && m.NilStream == nil && m.NilText == "" && m.NilList == nil &&
		m.NilBytes == nil && m.NilAny == nil && m.NilStruct.Never == 0, "not nil: %v", m)
}

func initNil() {
	scenario("nil", func(c *caller) {
		_, answers := c.ask("nil", nils())
		receive(answers).checkNils()
		expectEnd(answers)
	}, func(s *server, request *message) {
		request.checkNils()
		sendAndClose(request.Ret, nils())
	})

	scenario("extra", func(c *caller) {
		unused, _ := Pipe()
		bytesUnused, _ := BytePipe()
		_, answers := c.ask("extra", object{
			"Known": 1, "Extra": object{"deep": []interface{}{1, object{"er": []byte("x")}}}, "": "no name", "ExtraNil": nil,
			"ExtraSender": unused, "ExtraStream": bytesUnused,
		})
		check(receive(answers).Known == 2, "not the answer")
		expectEnd(answers)
	}, func(s *server, request *message) {
		check(request.Known == 1, "Known is %d", request.Known)
		sendAndClose(request.Ret, object{"Known": 2, "More": object{"a": []interface{}{nil}}})
	})
}
