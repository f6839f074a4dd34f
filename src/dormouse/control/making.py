"""New records: ids by chance, times by a clock, what the asker left open by default. Pure."""

import random
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from dormouse.control.model import (
    Branch,
    BranchState,
    Database,
    Endpoint,
    EndpointSettings,
    EndpointSpec,
    EndpointType,
    Operation,
    OperationAction,
    OperationStatus,
    Project,
    ProjectCreated,
    ProjectSpec,
    Role,
    whole_second,
)
from dormouse.control.rules import may_be_called
from dormouse.names import (
    EndpointId,
    ProjectId,
    new_branch_id,
    new_endpoint_id,
    new_incarnation,
    new_operation_id,
    new_password,
    new_project_id,
    owner_of,
)

__all__ = ["DEFAULT_REGION", "Maker"]

DEFAULT_REGION: Final = "aws-us-east-2"
"""A label: clients want one, and there is only this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Makes records at a moment."""

    chance: random.Random
    now: datetime

    def project(self, spec: ProjectSpec, *, pg_version: int, database_id: int) -> ProjectCreated:
        """All that comes into being with a project. Raises Invalid for a name that is not to be had."""
        now = whole_second(self.now)
        project_id = new_project_id(self.chance)
        project = Project(
            id=project_id,
            name=spec.name or project_id,
            pg_version=pg_version,
            region_id=spec.region_id or DEFAULT_REGION,
            store_passwords=spec.store_passwords,
            history_retention_seconds=spec.history_retention_seconds,
            default_endpoint_settings=spec.endpoint_defaults,
            settings=spec.settings,
            created_at=now,
            updated_at=now,
        )
        branch = Branch(
            id=new_branch_id(self.chance),
            project_id=project_id,
            name=spec.branch_name,
            annotation=spec.annotation,
            incarnation=new_incarnation(self.chance),
            state=BranchState.INIT,
            default=True,
            protected=False,
            created_at=now,
            updated_at=now,
            config_pending=True,
        )
        role = Role(
            branch_id=branch.id,
            name=spec.role_name or owner_of(spec.database_name),
            password=new_password(self.chance),
            protected=False,
            created_at=now,
            updated_at=now,
        )
        may_be_called("role", role.name, ())
        may_be_called("database", spec.database_name, ())
        database = Database(
            id=database_id,
            branch_id=branch.id,
            name=spec.database_name,
            owner_name=role.name,
            created_at=now,
            updated_at=now,
        )
        endpoint = self.endpoint(project, EndpointSpec(branch_id=branch.id, type=EndpointType.READ_WRITE))
        return ProjectCreated(
            project=project,
            branch=branch,
            endpoint=endpoint,
            role=role,
            database=database,
            operations=(
                self.operation(OperationAction.CREATE_TIMELINE, branch, None),
                self.operation(OperationAction.START_COMPUTE, branch, endpoint.id),
            ),
        )

    def endpoint(self, project: Project, spec: EndpointSpec) -> Endpoint:
        """An endpoint in its state `init`; what `spec` leaves open is the project's default."""
        now = whole_second(self.now)
        usual = project.default_endpoint_settings
        least, most, timeout = (
            spec.autoscaling_limit_min_cu, spec.autoscaling_limit_max_cu, spec.suspend_timeout_seconds
        )  # fmt: skip
        return Endpoint(
            id=new_endpoint_id(self.chance),
            project_id=project.id,
            branch_id=spec.branch_id,
            type=spec.type,
            name=spec.name,
            autoscaling_limit_min_cu=usual.autoscaling_limit_min_cu if least is None else least,
            autoscaling_limit_max_cu=usual.autoscaling_limit_max_cu if most is None else most,
            suspend_timeout_seconds=usual.suspend_timeout_seconds if timeout is None else timeout,
            disabled=spec.disabled,
            settings=spec.settings or EndpointSettings(pg_settings=usual.pg_settings),
            created_at=now,
            updated_at=now,
        )

    def operation(self, action: OperationAction, branch: Branch, endpoint: EndpointId | None) -> Operation:
        """An operation that runs from now on."""
        operation = self.project_operation(action, branch.project_id)
        return replace(operation, branch_id=branch.id, endpoint_id=endpoint)

    def project_operation(self, action: OperationAction, project: ProjectId) -> Operation:
        """One that is about no branch."""
        return Operation(
            id=new_operation_id(self.chance),
            project_id=project,
            branch_id=None,
            endpoint_id=None,
            action=action,
            status=OperationStatus.RUNNING,
            created_at=self.now,
            updated_at=self.now,
        )
