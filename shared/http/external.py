"""External ids in requests and answers."""

from shared.fields import Body, Code, View
from shared.ids import External


class ExternalField(Body):
    """What another system calls it."""

    source: Code
    id: Code

    def external(self) -> External:
        """Return the name as the domain knows it."""
        return External(self.source, self.id)


class ExternalView(View):
    """What another system calls it."""

    source: str
    id: str

    @classmethod
    def of(cls, external: External | None) -> "ExternalView | None":
        """Return the view of an external id, None for none."""
        return None if external is None else cls(source=external.source, id=external.id)
