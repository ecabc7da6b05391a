// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"fmt"
	"reflect"
	"time"
)

// assign puts a decoded value into a variable, as strictly as the reference: what does not fit is an error, and what
// does not fit an interface is a panic.
func assign(to reflect.Value, value interface{}) error {
	if value == nil {
		return assignNil(to)
	}
	if to.Kind() == reflect.Interface || to.Type() == reflect.TypeOf(time.Time{}) {
		to.Set(reflect.ValueOf(value))
		return nil
	}
	switch from := value.(type) {
	case bool:
		if to.Kind() == reflect.Bool {
			to.SetBool(from)
			return nil
		}
	case float64: // and not float32
		if to.Kind() == reflect.Float32 || to.Kind() == reflect.Float64 {
			to.SetFloat(from)
			return nil
		}
	case int64:
		return assignNumber(to, from, uint64(from))
	case uint64:
		return assignNumber(to, int64(from), from)
	case string:
		return assignText(to, []byte(from))
	case []byte:
		return assignText(to, from)
	case []interface{}:
		return assignList(to, from)
	case map[interface{}]interface{}:
		return assignMap(to, from)
	}
	return fmt.Errorf("a value of type %T for one of type %s", value, to.Type())
}

func assignNil(to reflect.Value) error {
	switch to.Kind() {
	case reflect.Interface, reflect.String, reflect.Slice, reflect.Map, reflect.Struct:
		return nil
	}
	return fmt.Errorf("nil for a value of type %s", to.Type())
}

func assignNumber(to reflect.Value, signed int64, unsigned uint64) error {
	switch to.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		to.SetInt(signed)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		to.SetUint(unsigned)
	default:
		return fmt.Errorf("an integer for a value of type %s", to.Type())
	}
	return nil
}

func assignText(to reflect.Value, text []byte) error {
	switch {
	case to.Kind() == reflect.String:
		to.SetString(string(text))
	case to.Kind() == reflect.Slice && to.Type().Elem().Kind() == reflect.Uint8:
		to.SetBytes(text)
	default:
		return fmt.Errorf("text for a value of type %s", to.Type())
	}
	return nil
}

func assignList(to reflect.Value, list []interface{}) error {
	if to.Kind() != reflect.Slice {
		return fmt.Errorf("a list for a value of type %s", to.Type())
	}
	result := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i, item := range list {
		if err := assign(result.Index(i), item); err != nil {
			return err
		}
	}
	to.Set(result)
	return nil
}

// assignMap skips what a struct has no field for.
func assignMap(to reflect.Value, values map[interface{}]interface{}) error {
	if to.Kind() != reflect.Struct {
		return fmt.Errorf("a map for a value of type %s", to.Type())
	}
	for key, item := range values {
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("a key of type %T", key)
		}
		if field := to.FieldByName(name); field.IsValid() {
			if err := assign(field, item); err != nil {
				return fmt.Errorf("%s: %v", name, err)
			}
		}
	}
	return nil
}

// plain gives a value as decode would, for a pipe inside the process.
func plain(value reflect.Value) interface{} {
	if !value.IsValid() {
		return nil
	}
	switch value.Interface().(type) {
	case []byte, time.Time, Sender, Receiver, half:
		return value.Interface()
	}
	switch value.Kind() {
	case reflect.Interface:
		return plain(value.Elem())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return value.Int()
	case reflect.Float32:
		return value.Float()
	case reflect.Slice:
		list := []interface{}{}
		for i := 0; i < value.Len(); i++ {
			list = append(list, plain(value.Index(i)))
		}
		return list
	case reflect.Map:
		result := map[interface{}]interface{}{}
		for _, key := range value.MapKeys() {
			result[plain(key)] = plain(value.MapIndex(key))
		}
		return result
	case reflect.Struct:
		result := map[interface{}]interface{}{}
		for i := 0; i < value.NumField(); i++ {
			result[value.Type().Field(i).Name] = plain(value.Field(i))
		}
		return result
	}
	return value.Interface()
}
