"""A function as plain sentences, in the code's order; a loop and a branch of several statements hold theirs indented."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from ingot.fields import Field
from ingot.program import Program, Signature
from ingot.readback.citations import cited_lines, within
from ingot.readback.module_names import read_of_module
from ingot.readback.nouns import CODE, CODE_END, listed
from ingot.readback.shapes import case_test
from ingot.readback.words import Words
from ingot.tables.room import asks_for_room


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence: `depth` is how far it is indented, `line` counts in ``logic.py``, `clauses` are those it cites.

    Source for which there are no words stands between the CODE marks of ``words``.
    """

    depth: int
    text: str
    line: int
    clauses: tuple[str, ...]


def sentences(program: Program, signature: Signature) -> tuple[Sentence, ...]:
    """The sentences of one function, then those of what it reads of its module. Raises KeyError where the logic does not
    define it."""
    tree = ast.parse(program.logic)
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    clauses = {clause.id: clause.text for clause in program.spec.clauses}
    node = found[signature.name]
    words = words_of(node, signature)
    teller = _Teller(words, signature, cited_lines(program.logic, clauses), escalates(program, signature))
    read = read_of_module(tree, node, [one.name for one in program.signatures])
    apart = replace(teller, words=Words({}))
    return (*teller.block(node.body, 0), *(said for one in read for said in apart.meaning(one)))


def escalates(program: Program, signature: Signature) -> bool:
    """Whether a function that gives nothing sends the run to a person: by the spec something must stand there."""
    return any(
        step.step == signature.name and not any(one.nullable for one in step.outputs) for step in program.spec.functions
    )


def words_of(node: ast.FunctionDef, signature: Signature) -> Words:
    """Words that know the function's parameters, and which of its locals are always true or false."""
    given = {field.name: field for field in signature.params}
    values: dict[str, list[ast.expr]] = {}
    other: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            values.setdefault(one.targets[0].id, []).append(one.value)
        elif isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For | ast.comprehension | ast.NamedExpr):
            aims = one.targets if isinstance(one, ast.Assign) else [one.target]
            other |= {name.id for aim in aims for name in ast.walk(aim) if isinstance(name, ast.Name)}
    kept = {name: field for name, field in given.items() if name not in other and name not in values}
    words = Words(kept)
    for name, held in values.items():
        if name in other or name in given:
            continue
        kinds = (("booleans", words.is_boolean), ("whole", words.is_whole), ("rows", words.is_row))
        sure = {kind: getattr(words, kind) | {name} for kind, is_so in kinds if all(map(is_so, held))}
        words = replace(words, **sure)
    return words


@dataclass(frozen=True, slots=True)
class _Teller:
    words: Words
    signature: Signature
    cited: Mapping[int, tuple[str, ...]]
    escalates: bool

    def block(self, statements: Sequence[ast.stmt], depth: int) -> Iterator[Sentence]:
        """A block's sentences. Right after a test whose branch ends the run, what follows is what is left: otherwise.

        Only right after it: further down the word would seem to belong to a test in between.
        """
        left, ended = "", False
        for statement in statements:
            is_return = isinstance(statement, ast.Return)
            yield from self._statement(
                statement, depth, left or ("In all other cases, " if ended and is_return else "")
            )
            ends = isinstance(statement, ast.If) and not statement.orelse and _ends(statement.body)
            left = "Otherwise, " if ends else ""
            # after a test that ends nothing, "all other cases" would seem to be its own
            ended = ends or (ended and not isinstance(statement, _HOLDS_OTHERS))

    def _statement(self, statement: ast.stmt, depth: int, start: str) -> Iterator[Sentence]:
        match statement:
            case ast.If():
                yield from self._if(statement, depth, start)
            case ast.For():
                head = f"For each {self._names(statement.target)} in {self._source(statement.iter)}"
                yield from self._held(head, statement, statement.body, depth)
                yield from self._held("When that is done without a stop", statement, statement.orelse, depth)
            case ast.While(test=test):
                yield from self._held(f"As long as {self.words.condition(test)}", statement, statement.body, depth)
                yield from self._held("When that is done without a stop", statement, statement.orelse, depth)
            case ast.Try():
                yield from self._try(statement, depth)
            case ast.Match():
                yield from self._match(statement, depth)
            case ast.FunctionDef():
                yield from self._calculation(statement, depth)
            case ast.Return():
                yield self._sentence(statement, depth, _capital(start + self._said(statement)))
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case _:
                yield self._sentence(statement, depth, _capital(self._said(statement)))

    def meaning(self, statement: ast.stmt) -> Iterator[Sentence]:
        """What a statement of the module gives a meaning to."""
        match statement:
            case ast.FunctionDef():
                yield from self._calculation(statement, 0)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield self._sentence(statement, 0, f"{name} is {self.words.value(value)}")
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield self._sentence(statement, 0, f"{name} is {self.words.value(value)}")
            case _:
                yield self._sentence(statement, 0, _capital(_source(statement)))

    def _calculation(self, node: ast.FunctionDef, depth: int) -> Iterator[Sentence]:
        """A function that is no step: what it gives is no output, and its parameters are of no type that is sure."""
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        own = Signature(node.name, (), (Field(name=f"value of {node.name}", type="text"),), ())
        hidden = {one.arg for one in every} | {one.id for one in ast.walk(node) if _is_set(one)}
        words = words_of(node, own).beyond(self.words, hidden)
        teller = replace(self, words=words, signature=own, escalates=False)
        given = listed([one.arg for one in every])
        yield from teller._held(f"the calculation {node.name} works from {given}", node, node.body, depth)

    def _if(self, node: ast.If, depth: int, start: str) -> Iterator[Sentence]:
        yield from self._held(f"{start}if {self.words.condition(node.test)}", node, node.body, depth, comma=True)
        if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
            yield from self._if(node.orelse[0], depth, "Otherwise, ")
        else:
            yield from self._held("Otherwise", node.orelse[0] if node.orelse else node, node.orelse, depth, comma=True)

    def _held(
        self, head: str, node: ast.AST, body: Sequence[ast.stmt], depth: int, *, comma: bool = False
    ) -> Iterator[Sentence]:
        """A head with what it holds: in the same sentence where that is one plain statement."""
        if not body:
            return
        line = getattr(node, "lineno", body[0].lineno)
        if (
            comma
            and len(body) == 1
            and isinstance(body[0], ast.Return | ast.Assign | ast.AugAssign | ast.Raise | ast.Pass)
        ):
            clauses = within(line, body[0].end_lineno or line, self.cited)
            said = self._said(body[0])
            if isinstance(body[0], ast.Return | ast.Assign) and isinstance(body[0].value, ast.IfExp):
                said = f"({said})"  # else its 'otherwise' would seem to be the head's
            yield Sentence(depth, _capital(f"{head}, {said}."), body[0].lineno, clauses)
            return
        yield Sentence(depth, f"{_capital(head)}:", line, self.cited.get(line, ()))
        yield from self.block(body, depth + 1)

    def _try(self, node: ast.Try, depth: int) -> Iterator[Sentence]:
        yield from self._held("Try this", node, [*node.body, *node.orelse], depth)
        for handler in node.handlers:
            kind = f"{CODE}{ast.unparse(handler.type)}{CODE_END}" if handler.type else "any error"
            yield from self._held(f"Where that fails with {kind}", handler, handler.body, depth)
        yield from self._held("In any case", node, node.finalbody, depth)

    def _match(self, node: ast.Match, depth: int) -> Iterator[Sentence]:
        start = ""
        for case in node.cases:
            test = case_test(node.subject, case)
            like = f"{self.words.value(node.subject)} is like {CODE}{ast.unparse(case.pattern)}{CODE_END}"
            if test is None and case.guard is not None:
                like += f" and {self.words.part(case.guard)}"
            said = like if test is None else self.words.condition(test)
            head = "Otherwise" if said == "always" and start else f"{start}if {said}"
            yield from self._held(head, case.pattern, case.body, depth, comma=True)
            start = "Otherwise, "

    # ---- single statements ---------------------------------------------------------------------------------------

    def _sentence(self, node: ast.stmt, depth: int, text: str) -> Sentence:
        return Sentence(depth, f"{text}.", node.lineno, within(node.lineno, node.end_lineno or node.lineno, self.cited))

    def _said(self, node: ast.stmt) -> str:
        words = self.words
        match node:
            case ast.Return(value=value):
                return self.outcome(value or ast.Constant(None))
            case ast.Assign(targets=[aim], value=value) | ast.AnnAssign(target=aim, value=ast.expr() as value):
                return self._let(aim, value) or _source(node)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                return f"add {words.apart(value)} to {name}"
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Sub(), value=value):
                return f"take {words.apart(value)} from {name}"
            case ast.AugAssign(target=ast.Name(id=name) as aim, op=op, value=value):
                return f"let {name} become {words.value(ast.BinOp(ast.Name(aim.id, ast.Load()), op, value))}"
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[one])):
                return f"add {words.apart(one)} to the list {name}"
            case ast.Break():
                return "stop going through"
            case ast.Continue():
                return "go on with the next"
            case ast.Pass():
                return "nothing is done"
            case ast.Raise(exc=error):
                return f"the run stops with the error {CODE}{ast.unparse(error) if error else 'raise'}{CODE_END}"
            case ast.Assert(test=test):
                return f"the run stops with an error if {words.condition(test, False)}"
        return _source(node)

    def _let(self, aim: ast.expr, value: ast.expr) -> str | None:
        if isinstance(aim, ast.Name):
            return f"let {aim.id} be {self.words.value(value)}"
        if not isinstance(aim, ast.Tuple) or not all(isinstance(one, ast.Name) for one in aim.elts):
            return None
        own = [one.id for one in aim.elts if isinstance(one, ast.Name)]
        if isinstance(value, ast.Tuple) and len(value.elts) == len(own):
            pairs = zip(own, value.elts, strict=True)
            return f"let, at once, {listed([f'{name} be {self.words.apart(one)}' for name, one in pairs])}"
        return f"let {listed(own)} be, in this order, the items of {self.words.apart(value)}"

    def outcome(self, value: ast.expr) -> str:
        """What comes out: every output by its name."""
        names = [field.name for field in self.signature.outputs]
        if isinstance(value, ast.IfExp):
            test = self.words.condition(value.test)
            yes, no = (self._branch(one) for one in (value.body, value.orelse))
            if asks_for_room(value) is value.test:
                return f"{yes} (nothing where it is too large for its places)"
            return f"{yes} if {test}, otherwise {no}"
        if isinstance(value, ast.Constant) and value.value is None and self.escalates:
            return f"there is no {listed(names)}, and a person decides"
        if len(names) == 1:
            return self._is(names[0], value)
        if isinstance(value, ast.Dict):
            held = {
                key.value: one
                for key, one in zip(value.keys, value.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if sorted(map(str, held)) == sorted(names):
                return listed([self._is(name, held[name]) for name in names])
        return f"{listed(names)} are those of {self.words.value(value)}"

    def _branch(self, value: ast.expr) -> str:
        """A part of an outcome that a test chooses: in brackets where it has a test itself."""
        said = self.outcome(value)
        return f"({said})" if isinstance(value, ast.IfExp) else said

    def _is(self, name: str, value: ast.expr) -> str:
        field = next(one for one in self.signature.outputs if one.name == name)
        words = replace(self.words, fields={**self.words.fields, name: field})
        with_unit = words.beside(value, ast.Name(name, ast.Load()))
        brackets = isinstance(value, ast.IfExp) or not with_unit.startswith("(")
        return f"the {name} is {with_unit if brackets else self.words.value(value)}"

    def _names(self, target: ast.expr) -> str:
        if isinstance(target, ast.Tuple) and all(isinstance(one, ast.Name) for one in target.elts):
            return " with ".join(ast.unparse(one) for one in target.elts)
        return ast.unparse(target) if isinstance(target, ast.Name) else f"{CODE}{ast.unparse(target)}{CODE_END}"

    def _source(self, expression: ast.expr) -> str:
        match expression:
            case ast.Call(func=ast.Name(id="enumerate"), args=[one], keywords=[]):
                return f"{self.words.apart(one)}, numbered from 0"
            case ast.Call(func=ast.Name(id="range"), args=[ast.expr() as one], keywords=[]):
                return f"the numbers from 0 up to, but not with, {self.words.apart(one)}"
        return self.words.apart(expression)


def _is_set(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


_HOLDS_OTHERS = (ast.If, ast.For, ast.While, ast.Try, ast.Match)


def _ends(body: Sequence[ast.stmt]) -> bool:
    return isinstance(body[-1], ast.Return | ast.Raise | ast.Break | ast.Continue)


def _source(node: ast.AST) -> str:
    return f"this is done: {CODE}{ast.unparse(node)}{CODE_END}"


def _capital(text: str) -> str:
    start = 1 if text.startswith("(") else 0
    return text[:start] + text[start : start + 1].upper() + text[start + 1 :]
