// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// What the receiver of the message gets.
const (
	extDuplex   = 1
	extWrites   = 2
	extReads    = 3
	extSender   = 4
	extReceiver = 5
	extTime     = 6
)

var errBadRef = errors.New("bad reference id")

// ---- encoding

// encode opens the streams of a message in the order in which it meets them, before the bytes that name them.
func (s *streamSender) encode(message interface{}) error {
	switch value := message.(type) {
	case nil:
		return s.encoder.EncodeNil()
	case Sender:
		stream, ref, err := s.transport.open(s.ref)
		if err != nil {
			return err
		}
		go copyChannel(value, newStreamReceiver(s.transport, stream, ref))
		return s.encodeRef(extSender, ref)
	case Receiver:
		stream, ref, err := s.transport.open(s.ref)
		if err != nil {
			return err
		}
		go copyChannel(newStreamSender(s.transport, stream, ref), value)
		return s.encodeRef(extReceiver, ref)
	case io.Reader, io.Writer:
		return s.encodeBytes(value)
	case time.Time:
		payload := make([]byte, 12)
		binary.BigEndian.PutUint64(payload, uint64(value.Unix()))
		binary.BigEndian.PutUint32(payload[8:], uint32(value.Nanosecond()))
		return s.encodeExt(extTime, payload)
	case []byte:
		return s.encoder.EncodeBytes(value)
	}
	return s.encodePlain(reflect.ValueOf(message))
}

func (s *streamSender) encodeBytes(value interface{}) error {
	stream, ref, err := s.transport.open(s.ref)
	if err != nil {
		return err
	}
	reader, reads := value.(io.Reader)
	writer, writes := value.(io.WriteCloser)
	if reads {
		go copyBytes(stream, reader)
	}
	if writes {
		go copyBytes(writer, stream)
	}
	switch {
	case reads && writes:
		return s.encodeRef(extDuplex, ref)
	case writes:
		return s.encodeRef(extWrites, ref)
	}
	return s.encodeRef(extReads, ref)
}

func (s *streamSender) encodeRef(code int8, ref uint64) error {
	if ref > math.MaxUint32 {
		payload := make([]byte, 8)
		binary.BigEndian.PutUint64(payload, ref)
		return s.encodeExt(code, payload)
	}
	payload := make([]byte, 4)
	binary.BigEndian.PutUint32(payload, uint32(ref))
	return s.encodeExt(code, payload)
}

func (s *streamSender) encodeExt(code int8, payload []byte) error {
	if err := s.encoder.EncodeExtHeader(code, len(payload)); err != nil {
		return err
	}
	_, err := s.buffer.Write(payload)
	return err
}

func (s *streamSender) encodePlain(value reflect.Value) error {
	switch value.Kind() {
	case reflect.Bool:
		return s.encoder.EncodeBool(value.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return s.encodeInt(value.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return s.encodeUint(value.Uint())
	case reflect.Float32, reflect.Float64:
		return s.encoder.EncodeFloat64(value.Float())
	case reflect.String:
		return s.encoder.EncodeString(value.String())
	case reflect.Slice, reflect.Array:
		if err := s.encoder.EncodeArrayLen(value.Len()); err != nil {
			return err
		}
		for i := 0; i < value.Len(); i++ {
			if err := s.encode(value.Index(i).Interface()); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		return s.encodeMap(value.Len(), value.MapKeys(), value.MapIndex)
	case reflect.Struct:
		return s.encodeStruct(value)
	}
	return fmt.Errorf("%s has no msgpack form", value.Type())
}

// encodeStruct sends the fields in any order, for the reference has none either.
func (s *streamSender) encodeStruct(value reflect.Value) error {
	names := []reflect.Value{}
	for _, i := range rand.Perm(value.NumField()) {
		names = append(names, reflect.ValueOf(value.Type().Field(i).Name))
	}
	return s.encodeMap(len(names), names, func(name reflect.Value) reflect.Value {
		return value.FieldByName(name.String())
	})
}

func (s *streamSender) encodeMap(length int, keys []reflect.Value, lookup func(reflect.Value) reflect.Value) error {
	if err := s.encoder.EncodeMapLen(length); err != nil {
		return err
	}
	for _, key := range keys {
		if err := s.encode(key.Interface()); err != nil {
			return err
		}
		if err := s.encode(lookup(key).Interface()); err != nil {
			return err
		}
	}
	return nil
}

func (s *streamSender) encodeInt(n int64) error {
	switch {
	case n >= -32 && n <= math.MaxInt8:
		return s.encoder.EncodeInt(n)
	case n >= math.MinInt8 && n <= math.MaxInt8:
		return s.encoder.EncodeInt8(int8(n))
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return s.encoder.EncodeInt16(int16(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return s.encoder.EncodeInt32(int32(n))
	}
	return s.encoder.EncodeInt64(n)
}

func (s *streamSender) encodeUint(n uint64) error {
	switch {
	case n <= math.MaxUint8:
		return s.encoder.EncodeUint8(uint8(n))
	case n <= math.MaxUint16:
		return s.encoder.EncodeUint16(uint16(n))
	case n <= math.MaxUint32:
		return s.encoder.EncodeUint32(uint32(n))
	}
	return s.encoder.EncodeUint64(n)
}

// ---- decoding

// decode gives one value: integers are int64, or uint64 where only that holds them.
func (r *streamReceiver) decode() (interface{}, error) {
	code, err := r.decoder.PeekCode()
	if err != nil {
		return nil, err
	}
	switch {
	case msgpcode.IsFixedNum(code), code >= msgpcode.Int8 && code <= msgpcode.Int64,
		code >= msgpcode.Uint8 && code < msgpcode.Uint64:
		return r.decoder.DecodeInt64()
	case code == msgpcode.Nil:
		return nil, r.decoder.DecodeNil()
	case code == msgpcode.False || code == msgpcode.True:
		return r.decoder.DecodeBool()
	case code == msgpcode.Uint64:
		n, err := r.decoder.DecodeUint64()
		if n <= math.MaxInt64 {
			return int64(n), err
		}
		return n, err
	case code == msgpcode.Float:
		return r.decoder.DecodeFloat32()
	case code == msgpcode.Double:
		return r.decoder.DecodeFloat64()
	case msgpcode.IsString(code):
		return r.decoder.DecodeString()
	case msgpcode.IsBin(code):
		return r.decodeBinary()
	case msgpcode.IsFixedArray(code), code == msgpcode.Array16, code == msgpcode.Array32:
		return r.decodeArray()
	case msgpcode.IsFixedMap(code), code == msgpcode.Map16, code == msgpcode.Map32:
		return r.decodeMap()
	case msgpcode.IsExt(code):
		return r.decodeExt()
	}
	return nil, fmt.Errorf("code %#x", code)
}

func (r *streamReceiver) decodeBinary() (interface{}, error) {
	data, err := r.decoder.DecodeBytes()
	if data == nil {
		data = []byte{}
	}
	return data, err
}

func (r *streamReceiver) decodeArray() (interface{}, error) {
	length, err := r.decoder.DecodeArrayLen()
	list := []interface{}{}
	for i := 0; i < length && err == nil; i++ {
		var item interface{}
		item, err = r.decode()
		list = append(list, item)
	}
	return list, err
}

// decodeMap panics, as the reference does, on a key that cannot be one.
func (r *streamReceiver) decodeMap() (interface{}, error) {
	length, err := r.decoder.DecodeMapLen()
	result := map[interface{}]interface{}{}
	for i := 0; i < length && err == nil; i++ {
		var key, item interface{}
		if key, err = r.decode(); err != nil {
			break
		}
		if item, err = r.decode(); err != nil {
			break
		}
		if _, twice := result[key]; twice {
			panic(fmt.Sprintf("the key %v twice in a map", key))
		}
		result[key] = item
	}
	return result, err
}

func (r *streamReceiver) decodeExt() (interface{}, error) {
	code, length, err := r.decoder.DecodeExtHeader()
	if err != nil {
		return nil, err
	}
	payload := make([]byte, length)
	if err = r.decoder.ReadFull(payload); err != nil {
		return nil, err
	}
	if code == extTime && length == 12 {
		seconds, nanoseconds := binary.BigEndian.Uint64(payload), binary.BigEndian.Uint32(payload[8:])
		return time.Unix(int64(seconds), int64(nanoseconds)).UTC(), nil
	}
	if code < extDuplex || code > extReceiver {
		return nil, fmt.Errorf("unknown ext %d of %d bytes", code, length)
	}
	var ref uint64
	switch length {
	case 4:
		ref = uint64(binary.BigEndian.Uint32(payload))
	case 8:
		ref = binary.BigEndian.Uint64(payload)
	default:
		return nil, errBadRef
	}
	return r.handle(code, ref)
}

func (r *streamReceiver) handle(code int8, ref uint64) (interface{}, error) {
	stream, err := r.transport.find(ref)
	if err != nil {
		return nil, err
	}
	switch code {
	case extSender:
		return newStreamSender(r.transport, stream, ref), nil
	case extReceiver:
		return newStreamReceiver(r.transport, stream, ref), nil
	}
	return half{stream, stream}, nil
}
