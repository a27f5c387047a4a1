// What a mutated source calls: each does what the source did, unless its mutant is chosen.
//
// An operator is changed in place, wherever its operands end: `a < b` becomes
// `a < compared<...>{1} < b`, which the compiler reads as (a < compared) < b.
#pragma once

#include <algorithm>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <type_traits>

namespace mutants {

/// Whether this mutant is the one that the variable MUTANT names; notes that it was reached.
bool is_on(unsigned id) noexcept;

/// Notes that the mutant is none: what it would do does not compile.
void is_void(unsigned id) noexcept;

// Conditions --------------------------------------------------------------------------------------

inline bool flipped(unsigned id, bool value) noexcept {
  return is_on(id) != value;
}

/// The mutant `id` takes the condition for true, the next one for false.
inline bool condition(unsigned id, bool value) noexcept {
  const bool is_true = is_on(id);
  const bool is_false = is_on(id + 1);
  return is_true || (value && !is_false);
}

/// That of a loop, which would not end if it were taken for true.
inline bool loop_condition(unsigned id, bool value) noexcept {
  return !is_on(id) && value;
}

/// Three mutants: `||`, the left side alone, the right side alone.
template <class Left, class Right>
bool both(unsigned id, Left left, Right right) {
  const bool is_or = is_on(id), is_left = is_on(id + 1), is_right = is_on(id + 2);
  if (is_or)
    return left() || right();
  return (is_right || left()) && (is_left || right());
}

/// Three mutants: `&&`, the left side alone, the right side alone.
template <class Left, class Right>
bool either(unsigned id, Left left, Right right) {
  const bool is_and = is_on(id), is_left = is_on(id + 1), is_right = is_on(id + 2);
  if (is_and)
    return left() && right();
  return (!is_right && left()) || (!is_left && right());
}

struct no {
  unsigned id;
};

template <class T>
bool operator->*(no mutant, const T& value) {
  return is_on(mutant.id) == static_cast<bool>(value);
}

// Operators ---------------------------------------------------------------------------------------

/// The left operand of an operator, and what becomes of both.
template <class A, class Operation>
struct left_of {
  const A& a;
  Operation operation;
};

template <class Original, class... Mutants>
struct compared {
  unsigned id;

  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    bool result = static_cast<bool>(Original()(a, b));
    unsigned mutant = id;
    ((is_on(mutant++) ? void(result = static_cast<bool>(Mutants()(a, b))) : void()), ...);
    return result;
  }
};

template <class T>
concept comparison = requires {
  []<class... Ops>(compared<Ops...>*) {}(static_cast<T*>(nullptr));
};

#define MUTANTS_COMPARISON(OPERATOR)                                                               \
  template <class A, comparison Operation>                                                         \
  left_of<A, Operation> operator OPERATOR(const A& a, Operation operation) {                       \
    return {a, operation};                                                                         \
  }                                                                                                \
  template <class A, comparison Operation, class B>                                                \
  bool operator OPERATOR(const left_of<A, Operation>& left, const B& b) {                          \
    return left.operation(left.a, b);                                                              \
  }

MUTANTS_COMPARISON(==)
MUTANTS_COMPARISON(!=)
MUTANTS_COMPARISON(<)
MUTANTS_COMPARISON(<=)
MUTANTS_COMPARISON(>)
MUTANTS_COMPARISON(>=)

#undef MUTANTS_COMPARISON

/// The mutant of `+` subtracts, that of `-` adds.
struct sum {
  unsigned id;
};

template <class A>
left_of<A, sum> operator+(const A& a, sum operation) {
  return {a, operation};
}

template <class A>
left_of<A, sum> operator-(const A& a, sum operation) {
  return {a, operation};
}

template <class A, class B>
auto operator+(const left_of<A, sum>& left, const B& b) {
  using result = decltype(left.a + b);
  if constexpr (requires {
                  { left.a - b } -> std::convertible_to<result>;
                })
    return is_on(left.operation.id) ? static_cast<result>(left.a - b) : left.a + b;
  else
    return is_void(left.operation.id), left.a + b;
}

template <class A, class B>
auto operator-(const left_of<A, sum>& left, const B& b) {
  using result = decltype(left.a - b);
  if constexpr (requires {
                  { left.a + b } -> std::convertible_to<result>;
                })
    return is_on(left.operation.id) ? static_cast<result>(left.a + b) : left.a - b;
  else
    return is_void(left.operation.id), left.a - b;
}

/// What `+=` and `-=` add and subtract.
template <class T>
auto negated(unsigned id, const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return is_on(id) ? -int(value) : int(value);
  else if constexpr (requires {
                       { -value } -> std::convertible_to<T>;
                     })
    return is_on(id) ? static_cast<T>(-value) : value;
  else
    return is_void(id), value;
}

struct up {
  unsigned id;
};
struct down {
  unsigned id;
};

template <class T>
decltype(auto) operator->*(up mutant, T& value) {
  if constexpr (std::integral<T>) {
    return (is_on(mutant.id) ? --value : ++value);
  } else {
    is_void(mutant.id);
    return ++value;
  }
}

template <class T>
decltype(auto) operator->*(down mutant, T& value) {
  if constexpr (std::integral<T>) {
    return (is_on(mutant.id) ? ++value : --value);
  } else {
    is_void(mutant.id);
    return --value;
  }
}

/// std::min, and its mutant std::max.
struct least {
  unsigned id;

  template <class T>
  T operator()(const T& a, const T& b) const {
    return is_on(id) ? std::max(a, b) : std::min(a, b);
  }
  template <class T>
  T operator()(std::initializer_list<T> of) const {
    return is_on(id) ? std::max(of) : std::min(of);
  }
};

/// std::max, and its mutant std::min.
struct greatest {
  unsigned id;

  template <class T>
  T operator()(const T& a, const T& b) const {
    return is_on(id) ? std::min(a, b) : std::max(a, b);
  }
  template <class T>
  T operator()(std::initializer_list<T> of) const {
    return is_on(id) ? std::min(of) : std::max(of);
  }
};

} // namespace mutants
