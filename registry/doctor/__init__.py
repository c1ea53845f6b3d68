"""What is wrong with a registry as this machine meets it, and how to mend it.

`examine` asks every part that can be reached from here, side by side; `judging` says what the
answers mean and does no I/O.
"""

from registry.doctor.examining import examine
from registry.doctor.findings import Diagnosis, Finding, State

__all__ = ["Diagnosis", "Finding", "State", "examine"]
