"""What differs between our recipes, the papers and the authors' code, where several share it."""

PRECISION = "bfloat16 where the hardware has it; the authors trained in float32"
BORROWED = "the paper has no recipe for this data set; the one for MNIST is used"
WITH_REPLACEMENT = "exposure drawn with replacement; the authors go through it in order"
SVDD_NOTES = (
    "weight decay as the paper's lambda; the PyTorch code uses half of it",
    "leaky ReLU slope 0.01 as in the code; the paper says 0.1",
    "the paper's numbers come from Theano code with learned norms and dictionary-learned first "
    "filters; this is the authors' PyTorch port",
    PRECISION,
)
SOFT_NOTE = "R by the batch's quantile, as in the port; the paper searches it every five epochs"
SAD_NOTES = (PRECISION, "known and hidden anomalies are disjoint; the authors' may overlap")
HSC_NOTES = (WITH_REPLACEMENT, PRECISION)
LAST_LAYER = "the last layer drawn with the gain of the others; the authors' is 1"
GUARD = (
    "the logarithm guarded by 1e-31 (FCDD's code), there 1e-9; the score is the distance, there "
)
GUARD += "1 - exp(-d), which saturates"
SAD_GUARD = "inverse distances guarded by 1e-9, as in the code"
