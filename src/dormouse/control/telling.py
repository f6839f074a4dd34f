"""When an operation that has ended is said to have ended.

Here most work takes milliseconds; at Neon it takes seconds, in which objects are on the way to a state and
the project refuses other changes with 423. A user whose automation must live with that can have it here:
`timed` lets each operation seem to run for a while, `manual` until somebody says so. The work itself is never
delayed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from dormouse.control.computes import SpawnTask
from dormouse.control.model import EndpointState, Operation, OperationAction, OperationStatus
from dormouse.names import EndpointId, OperationId, ProjectId

__all__ = ["Profile", "Teller", "held_state"]

Profile = Literal["immediate", "timed", "manual"]

TIMED_S: Final = 1.0
"""About what Neon takes for a start."""

_ON_THE_WAY: Final = {
    OperationAction.START_COMPUTE: (EndpointState.IDLE, EndpointState.ACTIVE),
    OperationAction.SUSPEND_COMPUTE: (EndpointState.ACTIVE, EndpointState.IDLE),
    OperationAction.CREATE_COMPUTE: (EndpointState.INIT, EndpointState.ACTIVE),
}


@dataclass(slots=True)
class Teller:
    """Holds back the ends of operations; `tell` writes one into the records."""

    profile: Profile
    spawn_task: SpawnTask
    tell: Callable[[Operation], Awaitable[None]]
    held: dict[OperationId, Operation]

    def hold(self, ended: Operation) -> bool:
        """Whether the end is to be told later; then it will be."""
        if self.profile == "immediate" or ended.status is not OperationStatus.FINISHED:
            return False
        self.held[ended.id] = ended
        if self.profile == "timed":
            self.spawn_task(self._later(ended.id))
        return True

    async def follow(self, profile: Profile) -> None:
        """From now on by another profile; what is held ends as that one has it."""
        self.profile = profile
        if profile == "immediate":
            await self.release()
        elif profile == "timed":
            for operation in self.held:
                self.spawn_task(self._later(operation))

    async def release(self) -> int:
        """Tell all that is held; how many there were."""
        held = list(self.held)
        for operation in held:
            await self._tell(operation)
        return len(held)

    def is_busy(self, project: ProjectId) -> bool:
        """Whether an operation of the project still seems to run."""
        return any(operation.project_id == project for operation in self.held.values())

    async def _later(self, operation: OperationId) -> None:
        await asyncio.sleep(TIMED_S)
        if self.profile == "timed":
            await self._tell(operation)

    async def _tell(self, operation: OperationId) -> None:
        ended = self.held.pop(operation, None)
        if ended is not None:
            await self.tell(ended)


def held_state(
    endpoint: EndpointId, held: dict[OperationId, Operation]
) -> tuple[EndpointState, EndpointState] | None:
    """What an endpoint is said to be, and on the way to, while the end of its operation is held; None for none."""
    for operation in held.values():
        if operation.endpoint_id == endpoint and operation.action in _ON_THE_WAY:
            return _ON_THE_WAY[operation.action]
    return None
