import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for `import forced`
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))  # for `import augment_leak`
