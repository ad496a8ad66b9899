"""An *autoscaling policy* says what one member should carry, and how fast a cluster may change."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from config.calendar import Calendar
from config.definition import Declaration, Definition, Id, Number, Remark, Whole
from config.schedule import Schedule

OLD_MOTION = ("gradient", "secondDerivative", "scaleDownMarginOfGradient", "scaleDownMarginOfSecondDerivative")
OLD = {"average": "threshold", "upperLimit": "", "lowerLimit": "", **dict.fromkeys(OLD_MOTION, "")}
"""Keys of Stratos 4.0."""


class Threshold(Definition):
    """Load that one member should carry."""

    STALE: ClassVar[dict[str, str]] = OLD

    threshold: Annotated[Number, Field(gt=0)]
    """In the signal's unit per member."""


class MemoryThreshold(Definition):
    """Memory that one member should use."""

    STALE: ClassVar[dict[str, str]] = OLD

    threshold: Annotated[Number, Field(gt=0, le=100)]
    """Percent of what the member may use."""


class LoadThresholds(Definition):
    """The factors; the one that asks for most members counts. At least one is needed."""

    requests_in_flight: Threshold | None = None
    """Requests open at a time, per member (requests)."""
    load_average: Threshold | None = None
    """Load per member (percent of its cores; may exceed 100)."""
    memory_consumption: MemoryThreshold | None = None
    """Memory per member (percent)."""

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.thresholds():
            raise ValueError("must hold one of requestsInFlight, loadAverage, memoryConsumption")
        return self

    def thresholds(self) -> dict[str, float]:
        """Return the thresholds by signal."""
        given = {
            "requests_in_flight": self.requests_in_flight,
            "load_average": self.load_average,
            "memory_consumption": self.memory_consumption,
        }
        return {signal: each.threshold for signal, each in given.items() if each is not None}


class Step(Definition):
    """How much a cluster may change within a period."""

    type: Literal["Pods", "Percent"]
    """``Pods`` counts members, ``Percent`` is of the members at the period's start."""
    value: Annotated[Whole, Field(gt=0)]
    period_seconds: Annotated[Number, Field(gt=0, le=1800)]


class Rules(Definition):
    """One direction of scaling, in the words of the Kubernetes HorizontalPodAutoscaler."""

    stabilization_window_seconds: Annotated[Number, Field(ge=0, le=3600)] = 0.0
    """How long a number must be asked for before it counts (s)."""
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"
    """Which of the policies counts: the one that allows most, least, or no change at all."""
    policies: Annotated[tuple[Step, ...], Field(min_length=1)] = ()


def _step(kind: Literal["Pods", "Percent"], value: int, period: float) -> Step:
    return Step.model_validate({"type": kind, "value": value, "periodSeconds": period})


class ScaleUp(Rules):
    """Growing: at once, at most the larger of 100 % and 4 members per 15 s."""

    policies: Annotated[tuple[Step, ...], Field(min_length=1)] = (_step("Percent", 100, 15), _step("Pods", 4, 15))


class ScaleDown(Rules):
    """Shrinking: after 300 s, at most the larger of 10 % and 1 member per 60 s."""

    stabilization_window_seconds: Annotated[Number, Field(ge=0, le=3600)] = 300.0
    policies: Annotated[tuple[Step, ...], Field(min_length=1)] = (_step("Percent", 10, 60), _step("Pods", 1, 60))


class Behavior(Definition):
    """Both directions; each key that is left out keeps its default."""

    scale_up: ScaleUp = ScaleUp()
    scale_down: ScaleDown = ScaleDown()


Predictor = Literal["last", "kinematic", "stratos-4.1", "seasonal", "ensemble"]
"""The names of :mod:`predictors.registry`."""


class Prediction(Definition):
    """How load is forecast, and what forecasts are used for."""

    mode: Literal["Disabled", "ForecastOnly", "Enabled"] = "Enabled"
    """``ForecastOnly`` publishes forecasts and does not act on them."""
    quantile: Annotated[Number, Field(ge=0.5, le=0.9)] = 0.75
    """How sure to be: which line of the forecast asks for members. 0.5: the expected load; 0.9: the load that is
    exceeded one time in ten."""
    predictor: Predictor | None = None
    """Predictor by its name. Not given: the settings'."""
    window: Annotated[Number, Field(gt=0, le=86400)] | None = None
    """How much of the past is fitted (s); at least 20 samples, at most 2 h. Not given: 5 min, or twice the horizon."""
    horizon: Annotated[Number, Field(gt=0, le=86400)] | None = None
    """How far ahead is looked (s), not rounded; at least one evaluation. Not given: the measured lead time."""
    calendar: Calendar = Calendar()
    """Known days: events to come, and bad days to leave out of what is learnt."""


class Fallback(Definition):
    """What counts when nothing is measured any more. In KEDA's words; never below what is there."""

    failure_threshold: Annotated[Whole, Field(ge=1)] = 3
    """Evaluations in a row without any measurement, in which the present number stays; after them it falls back."""
    replicas: Annotated[Whole, Field(ge=1)]
    """Members."""
    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher"] = "currentReplicasIfHigher"
    """``replicas``, the present number, or the higher of the two."""


class FlapBudget(Definition):
    """How often members may be started: beyond that none is removed, so that none is started again."""

    starts: Annotated[Whole, Field(ge=1, le=1000)]
    """Members started within the window."""
    window_seconds: Annotated[Number, Field(gt=0, le=86400)] = 3600.0


class AutoscalingPolicy(Declaration):
    """An autoscaling policy: Stratos' document, with everything from ``tolerance`` on added."""

    KIND: ClassVar[str] = "autoscalingPolicy"
    STALE: ClassVar[dict[str, str]] = {"instanceRoundingFactor": "", "isPublic": ""}

    id: Id
    display_name: Remark = ""
    description: Remark = ""
    load_thresholds: LoadThresholds
    tolerance: Annotated[Number, Field(ge=0, lt=1)] = 0.1
    """Relative difference between load and what the members should carry that is too small to act on."""
    behavior: Behavior = Behavior()
    prediction: Prediction = Prediction()
    demand: Literal["target-tracking", "stratos-4.1"] = "target-tracking"
    """How many members a load asks for: load / threshold, or by the formulas of Stratos 4.1 with their faults."""
    fallback: Fallback | None = None
    """Not given: the present number stays."""
    schedules: tuple[Schedule, ...] = ()
    """Where several hold, the highest minimum and the highest maximum count."""
    flap_budget: FlapBudget | None = None
    """Not given: no bound on starts."""
    victim: Literal["lowest-load", "newest", "oldest", "most-expensive"] = "lowest-load"
    """Which member leaves first: of the partition that gives one up, or the most expensive of all partitions."""
