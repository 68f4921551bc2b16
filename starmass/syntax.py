"""What counts of a module's text: its syntax, without comments, docstrings and messages.

A message is what a user reads: the text of an exception, of a line in the log, of a progress bar.
Rewording one changes no result. That something is refused, when, and by which exception counts.

Imports the standard library alone, because the Snakefile reads it at every parse.
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

LOGGERS = {"logger", "log", "logging", "LOGGER"}
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
BARS = {"set_description", "set_description_str", "set_postfix", "set_postfix_str"}
SHOWN = {
    "tqdm": {"desc", "unit"},
    "ArgumentParser": {"prog", "description", "epilog"},
    "add_argument": {"help", "metavar"},
    "add_parser": {"help", "description", "epilog"},
}
"""Arguments that are only shown, by the function that takes them."""
PLAIN_CALLS = {
    *("str", "repr", "len", "sorted", "list", "map", "closest"),
    *("join", "format", "strip", "lower", "removesuffix", "removeprefix", "items", "keys"),
}
"""Functions that do nothing but return a value; what they build for a message can be left out."""
SHOWS_ALONE = {"logging", "warnings"}
SKIPPED_FIELDS = {"ctx", "kind", "type_comment"}

Parts = list  # of str, and of Parts that may be emptied later


@dataclass
class Scope:
    """A module, class or function, and which of its names are used only in messages.

    Attributes
    ----------
    takes : whether what is assigned to a name may be left out
    used : names that are read outside messages
    said : names that are read in messages
    set_aside : name and syntax of what goes where the name is used only in messages
    arguments : the same for a name that is all of an exception's argument
    """

    takes: Callable[[str], bool]
    used: set[str] = field(default_factory=set)
    said: set[str] = field(default_factory=set)
    set_aside: list[tuple[str, Parts]] = field(default_factory=list)
    arguments: list[tuple[str, Parts]] = field(default_factory=list)


def read_syntax(source: str, name: str, silent: Callable[[str], bool]) -> tuple[str, set[str]]:
    """Return the digest of what counts in a module, and the modules that it imports.

    Parameters
    ----------
    source : text of the module
    name : file that Python names in a SyntaxError
    silent : says of a module whether importing it counts for nothing

    Returns
    -------
    digest : SHA-256, hexadecimal
    modules : dotted names, with each imported name as if it were a module
    """
    reader = _Reader(silent)
    reader.module(ast.parse(source, filename=name))
    text = " ".join(_flat(reader.parts))
    return hashlib.sha256(text.encode()).hexdigest(), reader.modules


def _flat(parts: Parts) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        else:
            yield from _flat(part)


class _Reader:
    """One walk over a module's tree that writes down what counts.

    What goes: docstrings; calls of loggers and ``warnings.warn`` as statements; the message of
    an assertion; arguments of an exception that hold text; what a bar or a command line only shows;
    text put together under a name that only messages read. All else stays, every condition and
    ``raise`` among it.
    """

    def __init__(self, silent: Callable[[str], bool]):
        self.silent = silent
        self.modules: set[str] = set()
        self.parts: Parts = []
        self.scopes: list[Scope] = []
        self.fields: dict[type, tuple[str, ...]] = {}
        self.special: dict[type, Callable] = {
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Expr: self._statement,
            ast.Assign: self._assignment,
            ast.AugAssign: self._assignment,
            ast.Assert: self._assertion,
            ast.Raise: self._raise,
            ast.Call: self._call,
            ast.Name: self._name,
        }

    def module(self, tree: ast.Module) -> None:
        """Write down a module; others may import its public names, so only private ones can go."""
        self._in_scope(tree, lambda name: name.startswith("_") and not name.startswith("__"))

    def _in_scope(self, node: ast.AST, takes: Callable[[str], bool]) -> None:
        scope = Scope(takes)
        self.scopes.append(scope)
        self._generic(node)
        self.scopes.pop()
        gone = {name for name, _ in scope.set_aside} - scope.used
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            gone &= scope.said  # what no line here reads, another module may
        for name, parts in (*scope.set_aside, *scope.arguments):
            if name in gone:
                parts.clear()
        if self.scopes:
            self.scopes[-1].used |= scope.used
            self.scopes[-1].said |= scope.said

    def _node(self, node: ast.AST) -> None:
        self.special.get(type(node), self._generic)(node)

    def _generic(self, node: ast.AST) -> None:
        kind = type(node)
        names = self.fields.get(kind)
        if names is None:
            names = self.fields[kind] = tuple(n for n in kind._fields if n not in SKIPPED_FIELDS)
        parts = self.parts
        parts.append(f"({kind.__name__}")
        for name in names:
            value = getattr(node, name, None)
            if (value is None and kind is not ast.Constant) or value == []:
                continue
            parts.append(name)
            if isinstance(value, ast.AST):
                self._node(value)
            elif isinstance(value, list):
                parts.append("[")
                for entry in value:
                    if isinstance(entry, ast.AST):
                        self._node(entry)
                    else:
                        parts.append(repr(entry))
                parts.append("]")
            else:
                parts.append(repr(value))
        parts.append(")")
        if isinstance(node, ast.Global | ast.Nonlocal):
            self.scopes[-1].used.update(node.names)

    def _aside(self, name: str, into: list[tuple[str, Parts]], node: ast.AST) -> None:
        """Write a node down where it can be taken away once the scope is known."""
        outer, self.parts = self.parts, []
        self._generic(node)
        into.append((name, self.parts))
        outer.append(self.parts)
        self.parts = outer

    def _import(self, node: ast.Import) -> None:
        self.modules.update(alias.name for alias in node.names)
        if not all(alias.name in SHOWS_ALONE or self.silent(alias.name) for alias in node.names):
            self._generic(node)

    def _import_from(self, node: ast.ImportFrom) -> None:
        if node.level == 0 and node.module:
            self.modules.add(node.module)
            self.modules.update(f"{node.module}.{alias.name}" for alias in node.names)
            if self.silent(node.module):
                return
        self._generic(node)

    def _function(self, node: ast.FunctionDef) -> None:
        scope = self.scopes[-1]
        if not scope.takes(node.name) or node.decorator_list:
            self._in_scope(node, lambda name: True)
            return
        outer, self.parts = self.parts, []
        self._in_scope(node, lambda name: True)
        scope.set_aside.append((node.name, self.parts))
        outer.append(self.parts)
        self.parts = outer

    def _class(self, node: ast.ClassDef) -> None:
        self._in_scope(node, lambda name: False)  # its names are read as attributes

    def _statement(self, node: ast.Expr) -> None:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return  # a docstring, of whatever stands before it
        if isinstance(value, ast.Call) and _only_shows(value) and not _does_more(value):
            self._said(value)
            return
        self._generic(node)

    def _assignment(self, node: ast.Assign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        target, scope = targets[0], self.scopes[-1]
        if _names(node.value) == "getLogger" or getattr(target, "id", "") == "__version__":
            return  # a release alone changes no result
        # Added to what may be a caller's list, text changes more than a name.
        plain = isinstance(node, ast.Assign) or isinstance(node.value, ast.Constant | ast.JoinedStr)
        if (
            len(targets) == 1
            and isinstance(target, ast.Name)
            and scope.takes(target.id)
            and plain
            and _builds_text(node.value)
        ):
            self._aside(target.id, scope.set_aside, node)
        else:
            self._generic(node)

    def _assertion(self, node: ast.Assert) -> None:
        if node.msg is not None:
            self._said(node.msg)
        self._generic(ast.Assert(test=node.test, msg=None))

    def _raise(self, node: ast.Raise) -> None:
        if not isinstance(node.exc, ast.Call):
            self._generic(node)
            return
        self.parts.append("(Raise")
        self._without_text(node.exc)
        if node.cause is not None:
            self._node(node.cause)
        self.parts.append(")")

    def _call(self, node: ast.Call) -> None:
        name = _names(node)
        if name.endswith(("Error", "Exception", "Warning")):
            self._without_text(node)
            return
        if name in SHOWN:
            kept = [word for word in node.keywords if word.arg not in SHOWN[name]]
            node = ast.Call(func=node.func, args=node.args, keywords=kept)
        self._generic(node)

    def _without_text(self, call: ast.Call) -> None:
        """Write down the making of an exception without its sentence."""
        self.parts.append("(Call")
        self._node(call.func)
        for argument in (*call.args, *call.keywords):
            value = argument.value if isinstance(argument, ast.keyword) else argument
            if isinstance(value, ast.Name):
                self.scopes[-1].said.add(value.id)
                self._argument(value)
            elif _has_text(value) and not _does_more(value):
                self._said(value)
            else:
                self._node(argument)
        self.parts.append(")")

    def _argument(self, name: ast.Name) -> None:
        self._aside(name.id, self.scopes[-1].arguments, name)

    def _said(self, node: ast.AST) -> None:
        self.scopes[-1].said.update(n.id for n in ast.walk(node) if isinstance(n, ast.Name))

    def _name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Store):
            self.scopes[-1].used.add(node.id)
        self._generic(node)


def _names(node: ast.AST) -> str:
    """Last part of the name of what is called, or nothing."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _only_shows(call: ast.Call) -> bool:
    """Whether a call is of a logger, of ``warnings.warn`` or of a progress bar's text."""
    function = call.func
    if not isinstance(function, ast.Attribute):
        return isinstance(function, ast.Name) and function.id == "warn"
    owner = function.value
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    if function.attr in LEVELS:
        return name in LOGGERS or _names(owner) == "getLogger"
    return function.attr in BARS or (function.attr == "warn" and name == "warnings")


def _walk_calls(node: ast.AST) -> Iterable[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def _does_more(node: ast.AST) -> bool:
    """Whether a message binds a name, waits, or moves an iterator on, as a value that counts."""
    binds = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return any(
        isinstance(inner, binds) or _names(inner) in ("next", "pop", "popleft")
        for inner in ast.walk(node)
    )


def _has_text(node: ast.AST) -> bool:
    return any(
        isinstance(inner, ast.JoinedStr)
        or (isinstance(inner, ast.Constant) and isinstance(inner.value, str))
        for inner in ast.walk(node)
    )


def _builds_text(node: ast.AST) -> bool:
    """Whether a value is text, put together without anything else happening."""
    return (
        isinstance(
            node, ast.Constant | ast.JoinedStr | ast.BinOp | ast.BoolOp | ast.IfExp | ast.Call
        )
        and _has_text(node)
        and not _does_more(node)
        and all(_names(call) in PLAIN_CALLS for call in _walk_calls(node))
    )
